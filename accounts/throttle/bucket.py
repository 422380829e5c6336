"""A bound on what people can make us write."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from time import monotonic

MOST_KEPT = 4096


class Bucket:
    """For each `who`, at most `most` at once, and as many in a minute, in each process.

    Strangers (None) share one: nothing is kept about them. Of more than 4096 who wrote, those who did so longest ago
    are forgotten.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._lock = Lock()
        self.refill()

    def refill(self) -> None:
        """As at the start."""
        self._levels: OrderedDict[object, tuple[float, float]] = OrderedDict()

    def take(self, who: object = None) -> bool:
        """May `who` have one more written?"""
        with self._lock:
            now = monotonic()
            left, at = self._levels.pop(who, (float(self.most), now))
            left = min(self.most, left + max(0.0, now - at) * self.most / 60)
            may = left >= 1
            self._levels[who] = (left - 1 if may else left, now)
            if len(self._levels) > MOST_KEPT:
                self._levels.popitem(last=False)
            return may
