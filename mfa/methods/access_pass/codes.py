"""Access passes as they are drawn, read out on the telephone, typed and kept.

A pass has 74 random bits (NIST SP 800-63B-4 section 3.1.2.2 asks for 20, and for no throttle from 64 on; ours is
throttled all the same).
"""

from __future__ import annotations

import re
from secrets import choice
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.crypto import salted_hmac

from mfa.methods.errors import NotProved
from mfa.methods.typed import as_meant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

LENGTH, GROUP = 15, 5
ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # no 0 and O, no 1, I and L: nobody has to ask which it is
PASS = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class WrongPass(NotProved):
    """The open pass of this person is another one, or was used a moment ago."""


class NoPass(NotProved):
    """No pass of this person is open (any more)."""


def read(typed: str) -> str:
    """The pass that somebody typed, whatever case, spaces, dashes and invisible characters it has."""
    code = as_meant(typed)
    return code.upper() if code.isascii() else code


def looks_like_one(typed: str) -> bool:
    """Has `typed` the form of a pass?"""
    return PASS.fullmatch(read(typed)) is not None


def draw() -> str:
    """A new pass as it is read out. None begins with six digits: in the field "Code" these would be sent as an app's."""
    while True:
        code = "".join(choice(ALPHABET) for _ in range(LENGTH))
        if not code[:6].isdigit():
            return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))


def digest(person: User, code: str) -> bytes:
    """What is kept of `code`: its HMAC, bound to its owner, under a key from outside the database."""
    return next(digests(person, code))


def digests(person: User, code: str) -> Iterator[bytes]:
    """The same under each signing key, the present one first: a pass outlives a change of keys."""
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        yield salted_hmac("mfa.access_pass", f"{person.pk}:{read(code)}", secret=secret, algorithm="sha256").digest()
