"""Keys that encrypt secrets."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from secrets import token_bytes

from accounts import sealing


def a_key(name: str) -> str:
    """A new encryption key, as the settings list it."""
    return f"{name}:{urlsafe_b64encode(token_bytes(32)).decode()}"


def sealed_for_the_owner_alone(secret: bytes, owner: object) -> bytes:
    """As secrets were sealed before their purpose was part of it."""
    name, key = next(iter(sealing.ciphers().items()))
    nonce = token_bytes(sealing.NONCE_BYTES)
    return bytes([len(name)]) + name.encode() + nonce + key.encrypt(nonce, secret, str(owner).encode())
