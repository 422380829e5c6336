from django.contrib.auth.views import LoginView
from django.urls import path

from tests.bench.projects.landing import page

urlpatterns = [path("login/", LoginView.as_view(template_name="login.html"), name="login"), path("portal/", page)]
