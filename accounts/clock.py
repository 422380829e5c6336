"""The server's clock. If it ran ahead and was put right, times that it wrote lie in the future."""

from __future__ import annotations

from time import time
from typing import Any

from django.core import signing

APART = 60  # seconds that the clocks of two servers of one site may differ


def is_ahead(at: float) -> bool:
    """Is `at` (seconds since the epoch) further in the future than two clocks may differ? Then it counts for nothing."""
    return at > time() + APART


def signed_lately(token: str, *, salt: str, seconds: int) -> Any:
    """What `signing.dumps` put into `token`, at most `seconds` ago and not in the future. Raises BadSignature."""
    said = signing.loads(token, salt=salt, max_age=seconds)
    try:
        signing.loads(token, salt=salt, max_age=-APART)
    except signing.SignatureExpired:
        return said
    raise signing.BadSignature("It was signed in the future.")
