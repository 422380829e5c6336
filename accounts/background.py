"""Work that goes on when its page is closed: what is kept of it, how it is known to run, and whose turn it is."""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import timedelta
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, connection, models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.away import in_spite_of_outages, is_away
from accounts.clock import APART
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User

SILENT_SECONDS = 60  # after which work is taken to have ended with its process
GIVEN_UP_AFTER = 6  # without getting any further, half an hour in all
KEPT_IN_MIND = timedelta(days=3)  # that it was given up
KEPT_WAITING = 5  # of one owner, that wait to be begun, each in a tab of its own
NO_LONGER_KEPT = "work"  # what a 404 is about

log = logging.getLogger("m2v.work")


class TakenOver(Exception):
    """It was stopped, or another process has the turn now."""


class Background(models.Model):
    """Something that `owner` has done for them. `beat` says when it was last known to run, `stopped` why it did not get
    to its end, and `tries` how often it was begun since it last got further.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.UUIDField(db_index=True)  # its tables are others’, which know no people
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    begun_at = models.DateTimeField(null=True)
    beat = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    stopped = models.CharField(max_length=300, blank=True)
    # With a default in the database: the release before works too, while both serve.
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)

    class Meta:
        abstract = True

    @property
    def runs(self) -> bool:
        """Is it being done now?"""
        return not self.stopped and self.ended_at is None and self.beats

    @property
    def beats(self) -> bool:
        """Was somebody at work on it a moment ago?"""
        return was_lately(self.beat)


def was_lately(at: datetime | None) -> bool:
    """Was it a moment ago? Work that was last heard of before that has ended with its process."""
    return at is not None and _silent_since() < at <= _latest()


def long_ago(what: str = "beat") -> Q:
    """The opposite, of rows. A time that nobody could write now was written while the clock ran ahead, and says nothing."""
    return Q((f"{what}__lte", _silent_since())) | Q((f"{what}__gt", _latest()))


def _silent_since() -> datetime:
    return timezone.now() - timedelta(seconds=SILENT_SECONDS)


def _latest() -> datetime:
    return timezone.now() + timedelta(seconds=APART)


def fell_silent() -> Q:
    """Work that is to be tried again: the pause is twice as long each time that it did not get any further."""
    found = Q(tries=0) & long_ago() | Q(beat__gt=_latest())
    for tries in range(1, GIVEN_UP_AFTER + 1):
        before = timezone.now() - timedelta(seconds=SILENT_SECONDS * 2 ** (tries - 1))
        found |= Q(tries__gte=tries, beat__lt=before) if tries == GIVEN_UP_AFTER else Q(tries=tries, beat__lt=before)
    return found


def waiting() -> Q:
    """What nobody is at work on, and is not over."""
    return Q(ended_at=None) & (Q(beat=None) | fell_silent() | ~Q(stopped=""))


def tried(work: QuerySet[Any], trouble: Exception, actor: User, kind: str) -> None:
    """Note that `work`, of which this process has the turn, ended with `trouble`: it is tried again, or was often enough.

    That the database was busy or away does not count.
    """
    if is_away(trouble):
        with suppress(DatabaseError, InterfaceError):
            work.update(tries=0)
    else:
        give_up(work, actor, kind)


@transaction.atomic
def give_up(work: QuerySet[Any], owner: User, kind: str) -> bool:
    """Try `work` of `owner` no more until somebody says so, if it was often enough, and put that on record. False where it was not."""
    text = _(
        "It failed {number} times in a row and was given up. The server’s log says why: once that is mended, it can go on."
    )
    found = work.filter(tries__gte=GIVEN_UP_AFTER, stopped="")
    key = found.values_list("pk", flat=True).first()
    if not found.update(stopped=text.format(number=GIVEN_UP_AFTER), beat=None):
        return False
    company = None if owner.serves_site else owner.company
    record(Action.WORK_GIVEN_UP, actor=owner, company=company, tries=GIVEN_UP_AFTER, kind=kind, work=str(key))
    log.error("given up after %s tries: %s", GIVEN_UP_AFTER, kind, extra={"fields": {"work": str(key)}})
    return True


def given_up(work: Any) -> int:
    """How many of this kind were given up, and are not gone on with, in the days that it is kept in mind."""
    found = work.objects.filter(tries__gte=GIVEN_UP_AFTER, begun_at__gt=timezone.now() - KEPT_IN_MIND)
    return int(found.exclude(stopped="").count())


def too_many_waiting(own: QuerySet[Any]) -> list[UUID]:
    """The keys of what waits to be begun among one owner's work, and is to make room for one more: the oldest of some."""
    keys = own.filter(begun_at=None).select_for_update().order_by("-created_at", "pk").values_list("pk", flat=True)
    return list(keys)[KEPT_WAITING - 1 :]


def patiently(step: Callable[..., bool], *args: object) -> bool:
    """A step, in spite of outages that pass. What is raised ends the work, until a worker takes it up again."""
    begun = monotonic()
    goes_on = in_spite_of_outages(step, *args)
    if connection.vendor == "sqlite":  # whose other writers wait for a moment like this
        sleep((monotonic() - begun) / 10)
    return goes_on
