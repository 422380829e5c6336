"""Addresses of the Settings app that look back. Each view carries its guard (accounts.guards)."""

from django.urls import path

from reporting.views import activity

urlpatterns = [
    path("administration/activity/", activity.activity, name="activity"),
    path("administration/activity/export/", activity.activity_export, name="activity_export"),
]
