"""Recovery codes: what signs somebody in, once each, whose authenticator app is out of reach.

A code has 80 random bits (NIST SP 800-63B-4 section 4.2.1.1 asks for 64).
Kept is its SHA-256, sealed with a key from outside the database: a dump of
the database is nothing to try codes against.
"""

from __future__ import annotations

import re
from hashlib import sha256
from itertools import islice
from secrets import choice
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.crypto import constant_time_compare

from mfa.methods.typed import as_meant
from mfa.models import RecoveryCode
from mfa.sealing import Purpose, Unreadable, seal, unseal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

HOW_MANY = 10
LENGTH = 16
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's: nothing in it looks like something else
LOOKALIKES = str.maketrans("OIL", "011")
CODE = re.compile(f"[{ALPHABET}]{{{LENGTH}}}")


class WrongRecoveryCode(Exception):
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


def replace_all(person: User, codes: list[str]) -> None:
    """Make `codes` the codes of `person`; all earlier ones are void."""
    RecoveryCode.objects.filter(user=person).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=person, sealed_digest=seal(_digest(read(code)), person.pk, Purpose.RECOVERY_CODE))
        for code in codes
    )


def spend(person: User, typed: str) -> int:
    """Use one of `person`'s codes up, and say how many are left. Raises WrongRecoveryCode.

    Twenty at once, on any database, and one gets through. Raises Unreadable
    where some cannot be read, and it is none of the others.
    """
    if not looks_like_one(typed):
        raise WrongRecoveryCode
    unused = RecoveryCode.objects.filter(user=person, used_at=None)
    digest = _digest(read(typed))
    rows = list(unused)
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            kept = unseal(row.sealed_digest, person.pk, Purpose.RECOVERY_CODE)
        except Unreadable as trouble:
            unreadable.append(trouble)
            continue
        if constant_time_compare(kept, digest):
            if unused.filter(pk=row.pk).update(used_at=timezone.now()):
                return len(rows) - 1
            break
    else:
        if unreadable:  # the code may be one of those
            raise unreadable[0]
    raise WrongRecoveryCode


def _digest(code: str) -> bytes:
    return sha256(code.encode()).digest()
