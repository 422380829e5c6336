"""Addresses of password reset, invitation, and where password managers look. Those of one's own settings need step-up: m2v.urls."""

from django.urls import path

from accounts import views

urlpatterns = [
    path(".well-known/change-password", views.change_password, name="change_password"),
    path("password-reset/", views.PasswordReset.as_view(), name="password_reset"),
    path("password-reset/sent/", views.PasswordResetSent.as_view(), name="password_reset_sent"),
    path("password-reset/<uidb64>/<token>/", views.ChoosePassword.as_view(), name="password_reset_confirm"),
    path("not-me/<token>/", views.not_me, name="not_me"),
    path("invitation/<uidb64>/<token>/", views.Invitation.as_view(), name="invitation"),
]
