"""Links by which people choose their own password: an invitation, or a reset. Single use, each with its own life."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import base36_to_int, urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts import audit, post
from accounts.actions import Action

if TYPE_CHECKING:
    from accounts.models import User

RESET_SECONDS = 3600
INVITATION_SECONDS = 7 * 24 * 3600  # settings.PASSWORD_RESET_TIMEOUT, the longest that Django's generator accepts


class InvitationTokens(PasswordResetTokenGenerator):
    """Good for seven days, and until the password is chosen or another invitation is sent."""

    key_salt = "accounts.invitation"


class ResetTokens(PasswordResetTokenGenerator):
    """Good for one hour, and until the password or the e-mail address changes."""

    key_salt = "accounts.password-reset"

    def check_token(self, user: User | None, token: str | None) -> bool:
        if not super().check_token(user, token):
            return False
        made = base36_to_int((token or "").partition("-")[0])
        return self._num_seconds(self._now()) - made <= RESET_SECONDS


invitation_tokens = InvitationTokens()
reset_tokens = ResetTokens()


@transaction.atomic
def invite(person: User, *, actor: User) -> str:
    """Let `person`, who has no password yet, choose one; the link. Earlier links end. It is mailed where it can be."""
    person.set_unusable_password()
    person.save(update_fields=["password"])
    path = reverse(
        "invitation",
        kwargs={"uidb64": urlsafe_base64_encode(force_bytes(person.pk)), "token": invitation_tokens.make_token(person)},
    )
    link = f"{settings.BASE_URL}{path}"
    audit.record(Action.USER_INVITED, actor=actor, subject=person)
    if person.email:
        transaction.on_commit(lambda: _send(person, actor, link), robust=True)
    return link


def _send(person: User, actor: User, link: str) -> None:
    with translation.override(person.language):
        context = {"person": person, "actor": actor, "link": link}
        mail = EmailMultiAlternatives(
            subject=_("Your access to m2v"),
            body=render_to_string("mail/invitation.txt", context),
            to=[person.email],
        )
        mail.attach_alternative(render_to_string("mail/invitation.html", context), "text/html")
        post.deliver(mail)
