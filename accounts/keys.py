"""The encryption keys, which live outside the database.

The first key of MFA_ENCRYPTION_KEYS is used for everything new; each listed one still reads what it made.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from functools import lru_cache

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

KEY_BYTES = 32


def keys() -> dict[str, bytes]:
    """The keys by their ids, the current one first. Raises ImproperlyConfigured for anything that is no key."""
    return as_keys(tuple(settings.MFA_ENCRYPTION_KEYS))


@lru_cache(maxsize=8)
def as_keys(entries: tuple[str, ...]) -> dict[str, bytes]:
    """The keys of `entries`, each `id:key`, by their ids. Raises ImproperlyConfigured for anything that is no key."""
    found: dict[str, bytes] = {}
    for entry in entries:
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
        found[name] = raw
    if not found:
        raise ImproperlyConfigured("MFA_ENCRYPTION_KEYS holds no key.")
    return found
