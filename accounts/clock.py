"""The server's clock. It may have run ahead and been put right: then what it wrote lies in the future."""

from __future__ import annotations

from time import time

APART = 60  # seconds that the clocks of two servers of one site may differ


def is_ahead(at: float) -> bool:
    """Does `at` (seconds of the epoch) lie in the future, further than clocks differ? Nothing lives longer for that."""
    return at > time() + APART
