"""People with a password."""

from __future__ import annotations

from django.contrib.auth.models import User


def make(number: int, password: str) -> list[dict[str, str]]:
    """`number` people with this password, already hashed, and what one needs to sign in as each."""
    User.objects.bulk_create(User(username=f"person{index}", password=password) for index in range(number))
    return [{"username": f"person{index}"} for index in range(number)]
