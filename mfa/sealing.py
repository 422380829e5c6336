"""Secrets at rest: AES-256-GCM under keys that live outside the database.

A sealed secret says which key it was sealed with, and is bound to its owner:
moved to somebody else's row it cannot be opened.
"""

from __future__ import annotations

from functools import cache
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.keys import keys as secret_keys

NONCE_BYTES = 12


class Unreadable(Exception):
    """The secret was changed, belongs to somebody else, or its key is gone."""


@cache
def keys() -> dict[str, AESGCM]:
    """The keys by id, the one that seals first. Raises ImproperlyConfigured for what is no key."""
    return {name: AESGCM(raw) for name, raw in secret_keys().items()}


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
