"""Whom a filter found when they were counted, in few bytes: an act on many meets nobody who came among them since."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

# Of each random key its beginning: among a million people, one newcomer in a million is taken for somebody who was shown.
LENGTH = 5


def packed(keys: Iterable[UUID]) -> bytes:
    """These people, in order: half a megabyte for a hundred thousand."""
    return b"".join(sorted(key.bytes[:LENGTH] for key in keys))


def among(key: UUID, shown: bytes) -> bool:
    """Is somebody among those who were `packed`?"""
    sought = key.bytes[:LENGTH]
    place = bisect_left(range(len(shown) // LENGTH), sought, key=lambda at: shown[at * LENGTH : (at + 1) * LENGTH])
    return shown[place * LENGTH : (place + 1) * LENGTH] == sought
