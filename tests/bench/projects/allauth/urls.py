from django.urls import include, path

from tests.bench.projects.landing import page

urlpatterns = [path("accounts/", include("allauth.urls")), path("portal/", page)]
