from django.contrib.auth import views
from django.urls import include, path
from django_otp.decorators import otp_required
from django_otp.views import LoginView

from tests.bench.projects.landing import page

urlpatterns = [
    path("login/", views.LoginView.as_view(template_name="login.html", next_page="code"), name="login"),
    path("login/code/", LoginView.as_view(template_name="code.html"), name="code"),
    path("webauthn/", include("django_otp_webauthn.urls", namespace="otp_webauthn")),
    path("portal/", otp_required(page)),
]
