"""The server's clock. It may have run ahead and been put right: then what it wrote lies in the future."""

from __future__ import annotations

from time import time
from typing import Any

from django.core import signing

APART = 60  # seconds that the clocks of two servers of one site may differ


def is_ahead(at: float) -> bool:
    """Does `at` (seconds of the epoch) lie in the future, further than clocks differ? Nothing lives longer for that."""
    return at > time() + APART


def signed_lately(token: str, *, salt: str, seconds: int) -> Any:
    """What `signing.dumps` put into `token` within the last `seconds`, not in the future. Raises BadSignature."""
    said = signing.loads(token, salt=salt, max_age=seconds)
    try:
        signing.loads(token, salt=salt, max_age=-APART)
    except signing.SignatureExpired:
        return said
    raise signing.BadSignature("It was signed in the future.")
