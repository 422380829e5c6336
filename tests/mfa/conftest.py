"""People with factors, and a clock that stands still until it is moved."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import pytest

from mfa import sealing
from tests.people import Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from accounts.models import User

# The middle of a time step, so that a test may move by seconds either way.
NOW = datetime(2026, 5, 4, 9, 30, 15, tzinfo=UTC)


def a_key(name: str) -> str:
    """A new encryption key, as the settings list it."""
    return f"{name}:{urlsafe_b64encode(token_bytes(32)).decode()}"


def sealed_for_the_owner_alone(secret: bytes, owner: object) -> bytes:
    """As secrets were sealed before their purpose was part of it."""
    name, key = next(iter(sealing.keys().items()))
    nonce = token_bytes(sealing.NONCE_BYTES)
    return bytes([len(name)]) + name.encode() + nonce + key.encrypt(nonce, secret, str(owner).encode())


@pytest.fixture
def keys(settings: Any) -> Iterator[Callable[..., None]]:
    """Sets the site's encryption keys for one test."""

    def change(*keys: str) -> None:
        settings.MFA_ENCRYPTION_KEYS = list(keys)
        sealing.keys.cache_clear()

    yield change
    sealing.keys.cache_clear()


@pytest.fixture
def clock(time_machine: Any) -> Any:
    """Stands at `NOW`; `clock.shift(seconds)` moves it."""
    time_machine.move_to(NOW, tick=False)
    return time_machine


@pytest.fixture
def kim_with_app(kim: Person) -> Person:
    kim.set_up_app()
    return kim


@pytest.fixture
def ada(make_person: Any) -> Person:
    """Somebody else of Kim's company."""
    person: Person = make_person("ada", first_name="Ada", last_name="Berg")
    return person


@pytest.fixture
def carla(company_admin: User) -> Person:
    """Kim's company administrator, signed in."""
    person = Person(company_admin)
    person.sign_in()
    return person
