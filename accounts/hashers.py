"""How passwords are hashed: Argon2id in one lane, and never many at once.

More lanes are threads that the operating system may hand a signal to. Each
hash takes 100 MB while it lasts, so a process makes AT_ONCE at a time; who
comes on top waits a fraction of a second, and memory stays what README says.
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
    """What a hash keeps when it is made anew for the same password, and no other password's hash has.

    Of what opens nothing ("!" and random characters), all of it.
    """
    return encoded.rpartition("$")[0].rpartition("$")[2] or encoded
