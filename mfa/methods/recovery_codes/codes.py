"""Recovery codes as they are drawn, written down and typed.

A code has 80 random bits (NIST SP 800-63B-4 section 4.2.1.1 asks for 64).
"""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import islice
from secrets import choice
from typing import TYPE_CHECKING

from mfa.methods.errors import NotProved
from mfa.methods.typed import as_meant

if TYPE_CHECKING:
    from collections.abc import Iterator

HOW_MANY = 10
LENGTH = 16
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing in it looks like something else
LOOKALIKES = str.maketrans("OIL", "011")
CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class WrongRecoveryCode(NotProved):
    """No unused recovery code of this person is this one."""


def read(typed: str) -> str:
    """The code that somebody typed, whatever case, spaces, dashes, invisible characters and look-alikes it has."""
    code = as_meant(typed)
    return code.upper().translate(LOOKALIKES) if code.isascii() else code


def looks_like_one(typed: str) -> bool:
    """Has `typed` the form of a recovery code?"""
    return CODE.fullmatch(read(typed)) is not None


def draw() -> list[str]:
    """Ten new codes, as they are written down. They sign nobody in before they replace a person's earlier ones."""
    return ["-".join(code[start : start + 4] for start in range(0, LENGTH, 4)) for code in islice(_random(), HOW_MANY)]


def _random() -> Iterator[str]:
    """Codes without end, none of which begins with six digits.

    Whoever typed such a one and paused behind them would see it sent as an app's code, and counted as a wrong one.
    One in a thousand is left out: that costs 0.0014 of 80 bits.
    """
    while True:
        code = "".join(choice(ALPHABET) for _ in range(LENGTH))
        if not code[:6].isdigit():
            yield code


def digest(code: str) -> bytes:
    """What is kept of a code, before it is sealed."""
    return sha256(code.encode()).digest()
