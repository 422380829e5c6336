"""Secrets at rest: AES-256-GCM under keys that live outside the database.

A sealed secret says which key it was sealed with, and is bound to what it is
for and to its owner: moved to another column, or to somebody else's row, it
cannot be opened.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from accounts.keys import keys

NONCE_BYTES = 12


class Purpose(StrEnum):
    """What a secret is for. The values are part of what is sealed: they never change."""

    APP = "authenticator app"
    PENDING_APP = "authenticator app that is being set up"
    RECOVERY_CODE = "recovery code"
    UNSAVED_CODES = "recovery codes that are not saved yet"
    NEXT_CODES = "recovery codes that are to replace others"
    INVITATION = "invitation to hand over"
    SHOWN_PASS = "access pass to hand over"  # noqa: S105  # a name
    OWED_MAIL = "mail that is owed"


class Unreadable(Exception):
    """The secret was changed, is another one's or for something else, or its key is gone."""


@cache
def ciphers() -> dict[str, AESGCM]:
    """What encrypts and decrypts, by the id of its key, the one that seals first. Raises ImproperlyConfigured for what is no key."""
    return {name: AESGCM(raw) for name, raw in keys().items()}


def seal(secret: bytes, owner: object, purpose: Purpose) -> bytes:
    """`secret` of `owner`, sealed for `purpose` under the first key: length of the key's id, id, nonce, ciphertext."""
    name, key = next(iter(ciphers().items()))
    nonce = token_bytes(NONCE_BYTES)
    return bytes([len(name)]) + name.encode() + nonce + key.encrypt(nonce, secret, _bound_to(owner, purpose))


def unseal(sealed: bytes | memoryview, owner: object, purpose: Purpose) -> bytes:
    """The secret of `owner` that was sealed for `purpose`. Raises Unreadable.

    At first the owner alone was named. What was sealed so is still read, until
    `rotate_mfa_keys` has sealed it again.
    """
    try:
        return _opened(bytes(sealed), _bound_to(owner, purpose))
    except Unreadable:
        return _opened(bytes(sealed), str(owner).encode())


def names_its_purpose(sealed: bytes, owner: object, purpose: Purpose) -> bool:
    """Is `sealed` readable, and bound to its purpose too?"""
    try:
        _opened(sealed, _bound_to(owner, purpose))
    except Unreadable:
        return False
    return True


def _bound_to(owner: object, purpose: Purpose) -> bytes:
    """The associated data: it is not kept, and what was sealed with it opens with it alone."""
    return f"{purpose}:{owner}".encode()


def _opened(sealed: bytes, associated: bytes) -> bytes:
    start = 1 + sealed[0] if sealed else 0
    key = ciphers().get(sealed[1:start].decode("ascii", "replace"))
    if key is None:
        raise Unreadable("It was sealed with a key that is not in MFA_ENCRYPTION_KEYS.")
    nonce, ciphertext = sealed[start : start + NONCE_BYTES], sealed[start + NONCE_BYTES :]
    try:
        return key.decrypt(nonce, ciphertext, associated)
    except (InvalidTag, ValueError) as trouble:
        raise Unreadable("It was changed, or belongs to somebody or something else.") from trouble
