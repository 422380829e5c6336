"""What somebody holds to prove who they are, read in one statement (`mfa.queries.holdings_of`)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet

    from mfa.models import AuthenticatorApp


@dataclass(frozen=True)
class Holdings:
    """What a person holds and was asked for. `app` is one that takes codes; `others` are methods by name.

    `factor_demanded`: the site asks for one of everybody who opens the Settings app. `has_pass`: an access pass is open; `asked_for_pass`: one was given, and nothing was set up since.
    """

    app: AuthenticatorApp | None
    app_disabled: bool
    has_passkey: bool
    has_codes: bool
    passkey_requested: bool
    others: frozenset[str] = field(default=frozenset())
    has_pass: bool = False
    asked_for_pass: bool = False
    factor_demanded: bool = False

    @property
    def beyond_password(self) -> bool:
        """Is there a factor beyond the password? A disabled app is one still, a suspended passkey is none."""
        return self.app is not None or self.app_disabled or self.has_passkey or bool(self.others)

    @property
    def takes_codes(self) -> bool:
        """Is there something to type, without asking for a recovery code?"""
        return self.app is not None or bool(self.others)


def delete_all(factors: QuerySet[Any]) -> Counter[UUID]:
    """Delete `factors`, which are locked; how many there were of whom."""
    there = Counter(factors.values_list("user", flat=True))
    if there:
        factors.delete()
    return there
