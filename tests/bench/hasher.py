"""A password hasher that costs nothing. For benchmarks only: it is named in no other settings."""

from __future__ import annotations

from django.contrib.auth.hashers import BasePasswordHasher


class NoHasher(BasePasswordHasher):
    algorithm = "none"

    def encode(self, password: str, salt: str) -> str:
        return f"none${salt}${password}"

    def verify(self, password: str, encoded: str) -> bool:
        return encoded.split("$", 2)[2] == password

    def salt(self) -> str:
        return "salt"

    def must_update(self, encoded: str) -> bool:
        return False

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to make equal."""
