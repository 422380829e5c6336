"""Whose turn it is to have mail delivered: each cause (whoever acted, or the address that a request came from) in turn.

However many mails wait, each statement here follows an index to the few rows that it needs, and none holds a lock for
longer than it takes itself.
"""

from __future__ import annotations

from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db.models import Q
from django.utils import timezone

from accounts.clock import APART
from accounts.mail_models import OwedMail

if TYPE_CHECKING:
    from django.db.models import QuerySet

AT_A_TIME = 20  # mails of one cause, before others have their turn
CLAIMED = timedelta(minutes=5)  # longer than one delivery may take (accounts.smtp)
SHORTEST_PAUSE, LONGEST_PAUSE = 60, 4 * 3600  # seconds until the next attempt
UNEVEN = 10  # percent by which pauses differ, so that not all come at once


class Turns:
    """The causes in the order of their names, round and round: whoever had a turn waits for all others."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last = ""

    def take(self) -> list[OwedMail]:
        """Some mails of one cause, claimed; none where nothing is due, or others are at it."""
        with self._lock:
            cause = _next_cause(self._last)
            if cause is None:
                return []
            self._last = cause
            return _claimed(cause)

    def some_wait(self) -> bool:
        """Would somebody who takes a turn now find something to do?"""
        return _next_cause(self._last) is not None


def due() -> QuerySet[OwedMail]:
    """What is to be delivered now, and nobody has claimed."""
    return _due().filter(_free())


def _due() -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(ended_at=None, due_at__lte=timezone.now())


def _free() -> Q:
    return Q(claimed_until=None) | Q(claimed_until__lte=timezone.now())


def _next_cause(last: str) -> str | None:
    """The first cause behind `last`, else from the beginning, of which something is due and nobody is at work on."""
    at_work = OwedMail.objects.filter(ended_at=None, claimed_until__gt=timezone.now())
    held = set(at_work.values_list("cause", flat=True))
    for after, waiting in ((last, _due()), ("", _due().filter(cause__lte=last))):
        cause: str | None = after
        while cause is not None:
            behind = waiting.filter(cause__gt=cause).order_by("cause", "due_at", "pk")
            cause = behind.values_list("cause", flat=True).first()
            if cause not in held | {None}:
                return cause
    return None


def _claimed(cause: str) -> list[OwedMail]:
    """Of two who want the same mails, each has those that its one statement met first."""
    wanted = due().filter(cause=cause).order_by("due_at", "pk").values_list("pk", flat=True)
    keys, claim = list(wanted[:AT_A_TIME]), uuid4()
    free = OwedMail.objects.filter(_free(), pk__in=keys, ended_at=None)
    free.update(claim=claim, claimed_until=timezone.now() + CLAIMED)
    return list(OwedMail.objects.filter(pk__in=keys, claim=claim).order_by("pk"))


def give_back(mails: list[OwedMail]) -> None:
    """What was claimed together and not come to is free for others."""
    keys = [mail.pk for mail in mails]
    left = OwedMail.objects.filter(pk__in=keys, claim=mails[0].claim, ended_at=None)
    left.update(claim=None, claimed_until=None)


def put_right() -> None:
    """A clock that ran ahead left times which nobody could write now: no mail waits for them.

    A claim is left for as long as one is given: whoever has it may be on the way.
    """
    now, apart = timezone.now(), timedelta(seconds=APART)
    longest = timedelta(seconds=LONGEST_PAUSE * (100 + UNEVEN) / 100 + SHORTEST_PAUSE)
    waiting = OwedMail.objects.filter(ended_at=None)
    for impossible, right in (
        (waiting.filter(created_at__gt=now + apart), {"created_at": now, "due_at": now}),
        (waiting.filter(due_at__gt=now + longest + apart), {"due_at": now}),
        (waiting.filter(claimed_until__gt=now + CLAIMED + apart), {"claimed_until": now + CLAIMED}),
    ):
        if impossible.exists():  # seldom, and nobody waits for a lock otherwise
            impossible.update(**right)
