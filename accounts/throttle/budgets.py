"""The budgets in the database: what is claimed, given back and forgotten. Rows are locked in the order of their keys."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import chain
from math import ceil
from time import time
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Q

from accounts.throttle import rule
from accounts.throttle.models import Budget
from accounts.throttle.rule import FOREVER, NEVER, Count, Lane
from audit.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.backends.utils import CursorWrapper
    from django.http import HttpResponse

    from accounts.models import User

# Makes the rows that are not there yet, locks all of them, and reads them. The ORM needs two statements for this, a
# bulk_create that ignores conflicts and a SELECT … FOR UPDATE: 20 in a login for 18, and twice the CPU of a claim; and
# a row that is tidied away between the two would be nobody's. A SELECT … FOR UPDATE alone locks no row that is not
# there, and of two first guesses one was lost.
HELD = """
INSERT INTO accounts_budget (key, failures, blocked_until, last_at, began_at) VALUES {rows}
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, failures, blocked_until, last_at, began_at
"""
# What a bulk_create that updates conflicts says, which takes five times the CPU of this, three times in a login.
COUNTED = """
INSERT INTO accounts_budget (key, failures, blocked_until, last_at, began_at) VALUES {rows}
ON CONFLICT (key) DO UPDATE SET failures = excluded.failures, blocked_until = excluded.blocked_until,
last_at = excluded.last_at, began_at = excluded.began_at
"""


@dataclass(frozen=True)
class Guess:
    """One that was taken from the budget `key`, at `at` (seconds of the epoch) at the latest."""

    key: str
    at: float


class Throttled(Exception):
    """Too many guesses; the next one is looked at from `until` (seconds of the epoch) on."""

    def __init__(self, until: float) -> None:
        super().__init__(until)
        self.until = until

    @property
    def seconds(self) -> int:
        """How long that is from now, at least one second."""
        return max(1, ceil(self.until - time()))

    @property
    def for_good(self) -> bool:
        """Is the budget used up, so that waiting does not help?"""
        return self.until >= FOREVER


def claim(*lanes: Lane) -> dict[str, int]:
    """Take one guess from every one of `lanes`: how many each has counted now. Raises Throttled where one has none.

    All give one, or none does. Call it outside a transaction that may be rolled back: the guess was made.
    """
    if not lanes:
        return {}
    with transaction.atomic():
        held = _held({lane.key for lane in lanes})
        now = time()
        counts = {key: rule.in_time(count, now) for key, count in held.items()}
        refused = any(rule.is_blocked(count, now) for count in counts.values())
        if not refused:
            counts |= {lane.key: rule.after_a_guess(counts[lane.key], lane, now) for lane in lanes}
        changed = {key: count for key, count in counts.items() if count != held[key]}
        if not changed:
            transaction.set_rollback(True)  # the rows that were made to be locked
        _keep(changed)
    if refused:
        raise Throttled(max(now + 1, *(count.blocked_until for count in counts.values())))
    return {key: count.failures for key, count in counts.items()}


def forgive(cleared: Iterable[Lane] = (), *, given_back: Iterable[Guess] = ()) -> None:
    """Forget all failures of the lanes `cleared`, and give guesses back that were right.

    Nobody waits for a right one; a wait that a later guess has begun stays.
    """
    back = {lane.key: (NEVER, FOREVER) for lane in cleared}
    for guess in given_back:
        guesses, latest = back.get(guess.key, (0, 0.0))
        back[guess.key] = (guesses + 1, max(latest, guess.at))
    if not back:
        return
    with transaction.atomic(savepoint=False):
        _keep({row.key: rule.after_right_ones(row.count, *back[row.key]) for row in _there(len(back)).ask(*back)})


def count_failure(*lanes: Lane) -> None:
    """A failure that was not claimed before, in each of `lanes` that can still count it."""
    for lane in lanes:
        with suppress(Throttled):
            claim(lane)


def check(*lanes: Lane) -> None:
    """Raise Throttled where one of `lanes` has no guess left; nothing is taken."""
    if not lanes:
        return
    now, keys = time(), [lane.key for lane in lanes]
    until = [rule.in_time(row.count, now).blocked_until for row in _blocked(len(keys)).ask(now, *keys)]
    if until:
        raise Throttled(max(now + 1, *until))


def left(lane: Lane) -> tuple[int, float]:
    """How many guesses `lane` has now, and when (seconds of the epoch) it is whole again; nothing is taken."""
    row, now = Budget.objects.filter(pk=lane.key).first(), time()
    count = rule.in_time(row.count, now) if row else Count()
    return rule.left(count, lane, now), rule.renewed_at(count, lane, now)


def wait(answer: HttpResponse, trouble: Throttled) -> HttpResponse:
    """`answer` as a 429 that says when the next guess is looked at (RFC 9110 section 10.2.3)."""
    answer.status_code = 429
    answer.headers["Retry-After"] = str(trouble.seconds)
    return answer


def of_person(person: User) -> Q:
    """The rows of everything that is counted about `person`."""
    return Q(pk=f"person:{person.pk.hex}") | Q(pk__startswith=f"person:{person.pk.hex}:")


def blocked_until(person: User) -> float | None:
    """Until when somewhere no guess at `person` is looked at; None where all are."""
    blocked = Budget.objects.filter(of_person(person), blocked_until__gt=time())
    return blocked.order_by("-blocked_until").values_list("blocked_until", flat=True).first()


def unlock(person: User) -> int:
    """Forget all failures at `person`'s password and codes; how many they were."""
    rows = Budget.objects.filter(of_person(person))
    failures = sum(rows.values_list("failures", flat=True))
    rows.delete()
    return failures


def waiting(now: float) -> list[Budget]:
    """The budgets of which no guess is looked at, the longest wait first; without those that end a factor, and delay nothing."""
    blocked = Budget.objects.filter(blocked_until__gt=now).exclude(pk__startswith="factor:")
    return list(blocked.order_by("-blocked_until", "key"))


def clear(which: Q) -> dict[str, int]:
    """Forget what is counted under the keys of `which`, waits too: how many failures each had."""
    rows = Budget.objects.filter(which).exclude(pk__startswith="factor:").order_by("key")
    found = dict(rows.select_for_update().values_list("key", "failures"))
    Budget.objects.filter(pk__in=found).delete()
    return found


def forget(person: User) -> None:
    """Delete all that is counted about `person`, whatever it is."""
    Budget.objects.filter(pk__contains=person.pk.hex).delete()


def forget_old(seconds: int) -> int:
    """Delete what nobody has added to for `seconds`, except failures that only a success ends; how many.

    Names that nobody has are spared as people are: who tells them apart knows who exists (ASVS 6.3.8).
    """
    endless = Q(pk__startswith="person:") | Q(pk__startswith="factor:") | Q(pk__startswith="name:")
    old = Budget.objects.filter(last_at__lt=time() - seconds).exclude(endless, failures__gt=0)
    return old.delete()[0]


@cache
def _blocked(number: int) -> Prepared[Budget]:
    """Those of `number` keys of which no guess is looked at now; the time comes first."""
    return Prepared(lambda now, *keys: Budget.objects.filter(key__in=keys, blocked_until__gt=now))


@cache
def _there(number: int) -> Prepared[Budget]:
    """Those of `number` keys that are there, locked until the transaction ends."""
    return Prepared(lambda *keys: Budget.objects.select_for_update().filter(key__in=keys).order_by("key"))


def _held(keys: Iterable[str]) -> dict[str, Count]:
    """What is kept under each of `keys`, locked until the transaction ends."""
    with connection.cursor() as cursor:
        _send(cursor, HELD, [(key, 0, 0.0, 0.0, 0.0) for key in sorted(keys)])
        return {key: Count(*counted) for key, *counted in cursor.fetchall()}


def _keep(counts: dict[str, Count]) -> None:
    """Write `counts` down: one statement, whose rows are locked."""
    if counts:
        with connection.cursor() as cursor:
            _send(cursor, COUNTED, [(key, *vars(count).values()) for key, count in counts.items()])


def _send(cursor: CursorWrapper, statement: str, rows: list[tuple[str | float, ...]]) -> None:
    """Send `statement`, with a place for each value of `rows`."""
    places = ", ".join(["(%s, %s, %s, %s, %s)"] * len(rows))
    cursor.execute(statement.format(rows=places), list(chain.from_iterable(rows)))
