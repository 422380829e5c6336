"""The methods in a table: what each is called, its icon, and what a proof by it is worth. It knows no model.

Whoever tells of methods (the audit's sentences, mails, "Where you are signed
in") reads it here, or is handed it: nobody else names a method.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from mfa.policy import Method

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Entry:
    """One method. `guessed`: could a wrong one be tried until it is right? Such ones have budgets, and end after a hundred."""

    in_words: _StrPromise
    icon: str
    guessed: bool
    beyond_password: bool


METHODS: dict[str, Entry] = {
    Method.PASSWORD: Entry(_("a password"), "key", guessed=True, beyond_password=False),
    Method.TOTP: Entry(_("a code"), "device-phone-mobile", guessed=True, beyond_password=True),
    Method.RECOVERY: Entry(_("a recovery code"), "lifebuoy", guessed=True, beyond_password=True),
    Method.PASSKEY: Entry(_("a passkey"), "finger-print", guessed=False, beyond_password=True),
}


def beyond_password() -> frozenset[str]:
    """The methods that prove more than a password does."""
    return frozenset(name for name, method in METHODS.items() if method.beyond_password)


def guessed() -> frozenset[str]:
    """The methods that somebody could guess."""
    return frozenset(name for name, method in METHODS.items() if method.guessed)


def methods_in_words(methods: Iterable[str]) -> str:
    """How somebody proved who they are: "a password and a code", "a passkey"."""
    known = [str(METHODS[method].in_words) for method in dict.fromkeys(methods) if method in METHODS]
    return (
        _now("{first} and {last}").format(first=", ".join(known[:-1]), last=known[-1]) if known[1:] else "".join(known)
    )
