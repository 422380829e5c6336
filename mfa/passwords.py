"""How long a password must be: a shorter one will do beside an authenticator app (NIST SP 800-63B-4 section 3.1.1.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.passwords import ALONE, BESIDE_A_FACTOR, LONGEST, LONGEST_TYPED, typed_alike
from mfa.models import AuthenticatorApp

if TYPE_CHECKING:
    from accounts.models import User


def fewest_characters(person: User | None) -> int:
    """The length that holds for `person`: 8 where an authenticator app is set up, else 15."""
    if person is None:
        return ALONE
    has_app = AuthenticatorApp.objects.filter(user=person, confirmed=True).exists()
    return BESIDE_A_FACTOR if has_app else ALONE


class Length:
    """Long enough for this person, and no longer than is looked at."""

    def validate(self, password: str, user: User | None = None) -> None:
        number = len(typed_alike(password)) if len(password) <= LONGEST_TYPED else len(password)
        fewest = fewest_characters(user)
        if number > LONGEST:
            text = _("This password is too long: it has {number} characters, and {most} is the most.")
            raise ValidationError(text.format(number=number, most=LONGEST), code="password_too_long")
        if number < fewest:
            because = (
                _("because your password is all that your login asks for")
                if fewest == ALONE
                else _("with your authenticator app beside it")
            )
            text = _("This password is too short: it has {number} characters and needs at least {fewest}, {because}.")
            raise ValidationError(text.format(number=number, fewest=fewest, because=because), code="password_too_short")

    def get_help_text(self, user: User | None = None) -> str:
        text = _("At least {fewest} characters. A few words in a row are easy to remember and hard to guess.")
        return text.format(fewest=fewest_characters(user))
