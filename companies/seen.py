"""What a page showed of somebody, in a word that goes back with its form: an act on an older page does nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from django.db.models import Max

from companies.access_passes import open_pass_of
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode

if TYPE_CHECKING:
    from accounts.models import User


def word_for(*parts: object) -> str:
    """Short, and another one for other parts."""
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def holdings(person: User) -> str:
    """The word for what `person` holds, and for the pass of theirs that is open."""
    codes = RecoveryCode.objects.filter(user=person, used_at=None).aggregate(made=Max("created_at"))
    return word_for(
        *AuthenticatorApp.objects.filter(user=person, confirmed=True).values_list("created_at", flat=True),
        codes["made"],
        *Passkey.objects.filter(user=person).order_by("pk").values_list("pk", flat=True),
        open_pass(person),
    )


def open_pass(person: User) -> str:
    """The word for the pass of `person` that is open."""
    given = open_pass_of(person)
    return word_for(given and given.created_at)
