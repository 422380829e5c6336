"""Work that goes on when its page is closed: what is kept of it, how it is known to run, and whose turn it is."""

from __future__ import annotations

import logging
from datetime import timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connection, models
from django.db.models import Q
from django.utils import timezone

from accounts.away import is_away

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

SILENT_SECONDS = 60  # after which work is taken to have ended with its process
ATTEMPTS = 5  # at one step, where the database is busy
BUSY_SECONDS = 0.5  # between two of them
KEPT_WAITING = 5  # of one owner, that wait to be begun, each in a tab of its own
NO_LONGER_KEPT = "work"  # what a 404 is about

log = logging.getLogger("m2v.work")


class TakenOver(Exception):
    """It was stopped, or another process has the turn now."""


class Background(models.Model):
    """Something that `owner` has done for them. `beat` says when it was last known to run, `stopped` why it did not get
    to its end.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.UUIDField(db_index=True)  # its tables are others’, which know no people
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    begun_at = models.DateTimeField(null=True)
    beat = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    stopped = models.CharField(max_length=300, blank=True)

    class Meta:
        abstract = True

    @property
    def runs(self) -> bool:
        """Is it being done now?"""
        return not self.stopped and self.ended_at is None and self.beats

    @property
    def beats(self) -> bool:
        """Was somebody at work on it a moment ago?"""
        return self.beat is not None and self.beat > silent_since()


def silent_since() -> datetime:
    """Work that was heard of before this, and not since, has ended with its process."""
    return timezone.now() - timedelta(seconds=SILENT_SECONDS)


def waiting() -> Q:
    """What nobody is at work on, and is not over."""
    return Q(ended_at=None) & (Q(beat=None) | Q(beat__lt=silent_since()) | ~Q(stopped=""))


def too_many_waiting(own: QuerySet[Any]) -> list[UUID]:
    """The keys of what waits to be begun among one owner's work, and is to make room for one more: the oldest of some."""
    keys = own.filter(begun_at=None).select_for_update().order_by("-created_at", "pk").values_list("pk", flat=True)
    return list(keys)[KEPT_WAITING - 1 :]


def patiently(step: Any, *args: Any) -> bool:
    """A step, tried some times where the database is busy with others, or away for a moment. What is raised by the last try
    ends the work, until a worker takes it up again.
    """
    for attempt in range(1, ATTEMPTS + 1):
        begun = monotonic()
        try:
            goes_on: bool = step(*args)
        except (DatabaseError, InterfaceError) as trouble:
            if attempt == ATTEMPTS or not is_away(trouble):
                raise
            log.warning("tried again: the database is busy, or away", exc_info=True)
            sleep(BUSY_SECONDS)
        else:
            if connection.vendor == "sqlite":  # whose other writers wait for a moment like this
                sleep((monotonic() - begun) / 10)
            return goes_on
    raise AssertionError
