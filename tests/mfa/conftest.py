"""Keys that encrypt secrets."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import pytest

from accounts import sealing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def a_key(name: str) -> str:
    """A new encryption key, as the settings list it."""
    return f"{name}:{urlsafe_b64encode(token_bytes(32)).decode()}"


def sealed_for_the_owner_alone(secret: bytes, owner: object) -> bytes:
    """As secrets were sealed before their purpose was part of it."""
    name, key = next(iter(sealing.ciphers().items()))
    nonce = token_bytes(sealing.NONCE_BYTES)
    return bytes([len(name)]) + name.encode() + nonce + key.encrypt(nonce, secret, str(owner).encode())


@pytest.fixture
def keys(settings: Any) -> Iterator[Callable[..., None]]:
    """Sets the site's encryption keys for one test."""

    def change(*keys: str) -> None:
        settings.MFA_ENCRYPTION_KEYS = list(keys)
        sealing.ciphers.cache_clear()

    yield change
    sealing.ciphers.cache_clear()
