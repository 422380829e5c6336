"""A bound on what strangers can make us write."""

from __future__ import annotations

from threading import Lock
from time import monotonic


class Bucket:
    """At most `most` at once, and as many in a minute, in each process. It keeps nothing about anybody."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = Lock()
        self.refill()

    def refill(self) -> None:
        """As at the start."""
        self._left, self._at = float(self.most), monotonic()

    def take(self) -> bool:
        """May one more be written?"""
        with self._lock:
            now = monotonic()
            self._left = min(self.most, self._left + max(0.0, now - self._at) * self.most / 60)
            self._at = now
            if self._left < 1:
                return False
            self._left -= 1
            return True
