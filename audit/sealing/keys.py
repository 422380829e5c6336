"""The key that signs the audit's checkpoints (Ed25519, RFC 8032). It signs nothing else, and nothing else signs them.

AUDIT_SIGNING_KEY is the private key in use. AUDIT_PUBLIC_KEYS lists the public
halves of its predecessors, whose checkpoints remain valid. Each is 32 bytes in
base64, of either alphabet (RFC 4648 sections 4 and 5).
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32
_STANDARD = str.maketrans("-_", "+/")


def sign(text: bytes) -> bytes:
    """The signature over `text`, in the hexadecimal form in which it is stored."""
    return as_private(settings.AUDIT_SIGNING_KEY).sign(text).hex().encode()


def is_signed(text: bytes, signature: bytes) -> bool:
    """Was `text` signed with our key or a predecessor? Only the spelling that `sign` produces is accepted."""
    try:
        raw = bytes.fromhex(signature.decode())
    except ValueError:
        return False
    return raw.hex().encode() == signature and any(_fits(key, raw, text) for key in _known())


def public_key() -> str:
    """The public half, which checks signatures and makes none: safe to print, log and pass on."""
    return _name(as_private(settings.AUDIT_SIGNING_KEY).public_key())


def known_public_keys() -> list[str]:
    """The public halves of our key and of its predecessors, as `public_key` spells them."""
    return [_name(key) for key in _known()]


def read() -> None:
    """Parse all keys. Raises ImproperlyConfigured if one is not a key."""
    _known()


def _known() -> list[Ed25519PublicKey]:
    return [as_private(settings.AUDIT_SIGNING_KEY).public_key(), *map(as_public, settings.AUDIT_PUBLIC_KEYS)]


def _fits(key: Ed25519PublicKey, signature: bytes, text: bytes) -> bool:
    try:
        key.verify(signature, text)
    except InvalidSignature:
        return False
    return True


def _name(key: Ed25519PublicKey) -> str:
    # Not the URL-safe alphabet: one key in 64 would begin with "-", and the checker's command line take it for an option.
    return b64encode(key.public_bytes_raw()).decode()


@lru_cache(maxsize=8)
def as_private(text: str) -> Ed25519PrivateKey:
    """The key that `text` spells. Raises ImproperlyConfigured."""
    return Ed25519PrivateKey.from_private_bytes(_raw("AUDIT_SIGNING_KEY", text))


@lru_cache(maxsize=32)
def as_public(text: str) -> Ed25519PublicKey:
    """The public half that `text` spells. Raises ImproperlyConfigured."""
    return Ed25519PublicKey.from_public_bytes(_raw("Each of AUDIT_PUBLIC_KEYS", text))


def _raw(name: str, text: str) -> bytes:
    try:
        raw = b64decode(text.strip().translate(_STANDARD))
    except ValueError:
        raw = b""
    if len(raw) != KEY_BYTES:
        raise ImproperlyConfigured(f"{name} must be 32 bytes in base64.")
    return raw
