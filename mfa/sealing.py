"""Secrets at rest: AES-256-GCM under keys that live outside the database.

A sealed secret says which key it was sealed with, and is bound to its owner:
moved to somebody else's row it cannot be opened.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from functools import cache
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NONCE_BYTES = 12
KEY_BYTES = 32


class Unreadable(Exception):
    """The secret was changed, belongs to somebody else, or its key is gone."""


@cache
def keys() -> dict[str, AESGCM]:
    """The keys by id, the one that seals first. Raises ImproperlyConfigured for what is no key."""
    found = {}
    for entry in settings.MFA_ENCRYPTION_KEYS:
        name, _, text = entry.strip().partition(":")
        try:
            raw = urlsafe_b64decode(text)
        except ValueError:
            raw = b""
        if len(raw) != KEY_BYTES or not name.isascii() or not 0 < len(name) < 256 or name in found:
            raise ImproperlyConfigured(
                "MFA_ENCRYPTION_KEYS must be a comma-separated list of id:key, each id once, "
                "each key 32 bytes in URL-safe base64."
            )
        found[name] = AESGCM(raw)
    if not found:
        raise ImproperlyConfigured("MFA_ENCRYPTION_KEYS holds no key.")
    return found


def seal(secret: bytes, owner: object) -> bytes:
    """`secret`, sealed for `owner` under the first key: length of the key's id, id, nonce, ciphertext."""
    name, key = next(iter(keys().items()))
    nonce = token_bytes(NONCE_BYTES)
    return bytes([len(name)]) + name.encode() + nonce + key.encrypt(nonce, secret, str(owner).encode())


def unseal(sealed: bytes | memoryview, owner: object) -> bytes:
    """The secret that was sealed for `owner`. Raises Unreadable."""
    sealed = bytes(sealed)
    start = 1 + sealed[0] if sealed else 0
    key = keys().get(sealed[1:start].decode("ascii", "replace"))
    if key is None:
        raise Unreadable("It was sealed with a key that is not in MFA_ENCRYPTION_KEYS.")
    nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    try:
        return key.decrypt(nonce, ciphertext, str(owner).encode())
    except (InvalidTag, ValueError) as trouble:
        raise Unreadable("It was changed, or belongs to somebody else.") from trouble
