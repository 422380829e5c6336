"""What everybody needs to know about the methods by which people prove who they are: a table that `mfa.apps` fills."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise


@dataclass(frozen=True)
class Entry:
    """One method. `guessed`: can it be tried until it is right? Then it has a budget, and ends after a hundred
    wrong ones."""

    in_words: _StrPromise
    icon: str
    guessed: bool
    beyond_password: bool


METHODS: dict[str, Entry] = {}


def guessed(methods: Iterable[str]) -> set[str]:
    """Those of `methods` that somebody could guess."""
    return {method for method in methods if method in METHODS and METHODS[method].guessed}


def beyond_password(methods: Iterable[str]) -> set[str]:
    """Those of `methods` that prove more than a password does."""
    return {method for method in methods if method in METHODS and METHODS[method].beyond_password}


def in_words(methods: Iterable[str]) -> str:
    """How somebody proved who they are: "a password and a code", "a passkey"."""
    return enumerated([str(METHODS[method].in_words) for method in dict.fromkeys(methods) if method in METHODS])


def enumerated(things: list[str]) -> str:
    """ "an app, a code and a passkey"."""
    if not things[1:]:
        return "".join(things)
    return _("{first} and {last}").format(first=", ".join(things[:-1]), last=things[-1])
