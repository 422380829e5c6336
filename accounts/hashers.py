"""How passwords are hashed: Argon2id in one lane, and only a few at once.

More lanes are threads that the operating system may hand a signal to. Each hash takes 100 MB while it lasts, so a
process makes AT_ONCE at a time; whoever comes next waits a fraction of a second, and memory stays below what
docs/operations.md says.
"""

from __future__ import annotations

from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

AT_ONCE = 2

turns = BoundedSemaphore(AT_ONCE)


class Argon2Hasher(Argon2PasswordHasher):
    """Django's, with one lane. Hashes of eight verify still, and are made anew at the next login."""

    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with turns:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with turns:
            return super().verify(password, encoded)


def salt_of(encoded: str) -> str:
    """The part of a hash that stays when the same password is hashed again, and that no other password's hash has.

    Of an unusable password ("!" and random characters), all of it.
    """
    return encoded.rpartition("$")[0].rpartition("$")[2] or encoded
