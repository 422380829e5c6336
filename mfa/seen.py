"""What a page showed of somebody, in a word that goes back with its form: an act on an older page does nothing."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from django.db.models import Max

from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from mfa.queries import circumstances_of

if TYPE_CHECKING:
    from accounts.models import User


def word_for(*parts: object) -> str:
    """Short, and another one for other parts."""
    return sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def factors(person: User) -> str:
    """The word for the factors that `person` holds, and which of them are in use."""
    codes = RecoveryCode.objects.filter(user=person, used_at=None).aggregate(made=Max("created_at"))
    return word_for(
        *AuthenticatorApp.objects.filter(user=person, confirmed=True).values_list("created_at", flat=True),
        codes["made"],
        *Passkey.objects.filter(user=person).order_by("pk").values_list("pk", "suspended_at"),
    )


def stakes(person: User) -> str:
    """The word for what giving a factor up means: the factors there are, and what is demanded of `person` without one."""
    standing = circumstances_of(person).standing
    demanded = person.required_by_company, standing.must_have_factor, standing.pass_demanded
    return word_for(factors(person), *sorted(standing.others), *demanded)
