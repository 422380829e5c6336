"""Addresses of password reset, invitation and other links, and where password managers look."""

from django.urls import path, register_converter

from accounts import views


class InASentence:
    """One of our links with a dot, bracket or quotation mark behind it that a mail program took for part of it."""

    regex = (
        r"(?:(?:password-reset|invitation)/[\w-]+/[\w-]+|(?:not-me|address)/[\w:-]*[\w-])"
        r"/?[\s.,;:!?*'\"()\[\]{}<>«»“”‘’…]+/?"
    )

    def to_python(self, text: str) -> str:
        return text.rstrip("/ .,;:!?*'\"()[]{}<>«»“”‘’…\t\r\n\xa0") + "/"

    def to_url(self, text: str) -> str:
        return text


register_converter(InASentence, "in_a_sentence")

urlpatterns = [
    path("<in_a_sentence:link>", views.link_in_a_sentence, name="link_in_a_sentence"),
    path(".well-known/change-password", views.change_password, name="change_password"),
    path("password-reset/", views.PasswordReset.as_view(), name="password_reset"),
    path("password-reset/sent/", views.PasswordResetSent.as_view(), name="password_reset_sent"),
    path("password-reset/<uidb64>/<token>/", views.ChoosePassword.as_view(), name="password_reset_confirm"),
    path("address/<token>/", views.confirm_address, name="address"),
    path("invitation/<uidb64>/<token>/", views.Invitation.as_view(), name="invitation"),
]
