"""A password reset that an administrator starts: the link that people ask for themselves, by the same mail."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import audit, invitations
from accounts.actions import Action

if TYPE_CHECKING:
    from accounts.models import User


@transaction.atomic
def send_reset(person: User, *, actor: User) -> None:
    """Mail `person`, who has a password and an address, a link to choose another one. Nothing else changes."""
    link = invitations._link("password_reset_confirm", person, invitations.reset_tokens)
    audit.record(Action.PASSWORD_RESET_REQUESTED, actor=actor, subject=person)
    transaction.on_commit(partial(_send_reset, person, actor, link), robust=True)


def _send_reset(person: User, actor: User, link: str) -> None:
    with translation.override(person.language):
        context = {"person": person, "actor": actor, "link": link}
        templates = ("mail/password-reset.txt", "mail/password-reset.html")
        invitations._send(person, _("Your new m2v password"), templates, context)
