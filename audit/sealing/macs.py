"""Message authentication codes for rows that nobody may change (HMAC-SHA256, RFC 2104; ASVS 16.4.2).

A code is text, `key id:nonce:MAC`: the id says which key made it, so that
keys can change, and the nonce tells a line from another that says the same.
"""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from ipaddress import ip_address
from secrets import token_bytes

from django.core.serializers.json import DjangoJSONEncoder

from accounts.keys import derived

PURPOSE = "accounts: MACs of the audit"
NONCE_BYTES = 16
LONGEST = 255 + 1 + 22 + 1 + 43


class UnknownKey(Exception):
    """The code was made with a key that is not in MFA_ENCRYPTION_KEYS."""


def made(table: str, columns: dict[str, object]) -> str:
    """A code over `columns` of a row of `table`, under the first key."""
    name, key = next(iter(derived(PURPOSE).items()))
    nonce = _text(token_bytes(NONCE_BYTES))
    return f"{name}:{nonce}:{_mac(name, key, nonce, table, columns)}"


def holds(code: str, table: str, columns: dict[str, object]) -> bool:
    """Was `code` made over these very columns? Raises UnknownKey."""
    name, _, rest = code.partition(":")
    nonce, _, mac = rest.partition(":")
    key = derived(PURPOSE).get(name)
    if key is None:
        raise UnknownKey(name)
    return hmac.compare_digest(mac.encode(), _mac(name, key, nonce, table, columns).encode())


def canonical(value: object) -> bytes:
    """`value` as bytes, the same before it is saved and after it was read back, whatever the database."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), cls=DjangoJSONEncoder).encode()


def moment(at: datetime) -> str:
    """`at` to the microsecond, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def network_address(address: str | None) -> str | None:
    """`address` by its number: databases spell the same one differently."""
    if not address:
        return None
    known = ip_address(address)
    return f"{known.version}:{int(known)}"


def _mac(name: str, key: bytes, nonce: str, table: str, columns: dict[str, object]) -> str:
    return _text(hmac.digest(key, canonical([table, name, nonce, columns]), sha256))


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
