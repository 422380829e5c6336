"""The first administrator of an installation: made on the command line, where nobody can be signed in yet."""

from __future__ import annotations

from django.db import transaction

from accounts.authorization import ADMINISTRATORS, able_to_sign_in
from accounts.invitations import link_to_hand_over
from accounts.models import User
from audit.recording import in_the_shell


class SomebodyAdministers(Exception):
    """There is an administrator who can sign in: others are made by them."""


def make_first_administrator(*, username: str, email: str, first_name: str, last_name: str) -> str:
    """Make an administrator without a password; the link by which they choose one. Both are on record.

    Raises SomebodyAdministers, and ValidationError for a name or an address that is taken, or is none.
    """
    with in_the_shell(), transaction.atomic():
        if able_to_sign_in(User.objects.get_queryset()).filter(ADMINISTRATORS).exists():
            raise SomebodyAdministers
        person = User.objects.create_superuser(username, email, first_name=first_name, last_name=last_name)
        return link_to_hand_over(person)
