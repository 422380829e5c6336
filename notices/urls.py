"""Addresses in mails that tell people something."""

from django.urls import path

from notices import views

urlpatterns = [path("not-me/<token>/", views.not_me, name="not_me")]
