"""How often somebody may guess: one budget a person, one a network address, in the database.

A guess is claimed before it is looked at and counts as wrong until a login is
finished, so that fifty at once count fifty, on every process and database. A
few are free; then each must wait twice as long as the one before. Whoever
has signed in from a browser before has a budget of their own there, and
there alone: whoever knows a user name, or sits in the same network, cannot use
up its owner's (ASVS 6.1.1, 6.3.1; NIST SP 800-63B-4 section 3.2.2).
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from math import ceil
from time import time
from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q
from django.utils.crypto import salted_hmac

from accounts.known_browsers import recognised
from accounts.models import Budget, Role
from accounts.text import fold_address
from audit.recording import current_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpResponse

    from accounts.models import User

LONGEST_DELAY = 900
USED_UP = 100  # consecutive failures
NEVER = 1_000_000_000
FOREVER = 32_503_680_000.0  # the year 3000
HOUR = 3600


@dataclass(frozen=True)
class Lane:
    """One budget: `free` guesses, then a wait of `delay` seconds that doubles; none is left after `ends`.

    All are forgotten `forgets` seconds after the last, or after the first where it is `renewed`: a network in
    which somebody is always signing in would never be forgotten else.
    """

    key: str
    free: int = 5
    delay: int = 1
    ends: int = USED_UP
    forgets: int = 100 * 365 * 24 * HOUR
    renewed: bool = False


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


def person_lane(person: User) -> Lane:
    """The budget of `person`'s password and codes: in this browser if it is known, else everywhere else."""
    known = recognised(person)
    return Lane(f"person:{person.pk.hex}:{known}" if known else f"person:{person.pk.hex}")


def guess_lanes(person: User) -> list[Lane]:
    """What a guess at `person` takes from: their budget, and that of the network unless they know this browser."""
    return [person_lane(person), *([] if recognised(person) else address_lanes())]


def network_of(person: User) -> str:
    """The key of the network's budget that a guess at `person` takes from, "" where it takes from none."""
    return "".join(lane.key for lane in guess_lanes(person)[1:])


def name_lane(name: str) -> Lane:
    """The budget of a name that nobody has: it runs out as a person's does (ASVS 6.3.8)."""
    return Lane("name:" + salted_hmac("accounts.throttle", fold_address(name), algorithm="sha256").hexdigest()[:40])


def factor_lane(person: User, method: str) -> Lane:
    """How often in a row a code of this method was wrong, wherever from. It delays nothing; it ends."""
    return Lane(f"factor:{person.pk.hex}:{method}", free=USED_UP)


def address_lanes(*, free: int = 50, kind: str = "address") -> list[Lane]:
    """The budget of the network that this request comes from (an IPv6 /64 is one), if any."""
    stated = current_address()
    if not stated:
        return []
    address = ip_address(stated)
    network = ip_network((address, 64 if address.version == 6 else 32), strict=False)
    return [Lane(f"{kind}:{network.network_address}", free, ends=NEVER, forgets=HOUR, renewed=True)]


def mail_lane(kind: str, person: User) -> Lane:
    """How often somebody can be sent a mail that anybody can ask for."""
    return Lane(f"{kind}:{person.pk.hex}", free=3, delay=300, ends=NEVER, forgets=HOUR)


def actor_lanes(kind: str, actor: User) -> list[Lane]:
    """What `actor` can ask, or send to others, in an hour: a member 10 times, whoever administers a company 30, the site 300.

    The administrators of one company share 60.
    """
    own = {Role.ADMINISTRATOR: 300, Role.COMPANY_ADMINISTRATOR: 30}.get(Role(actor.role), 10)
    shared = {f"{kind}:company:{actor.company_id}": 60} if actor.role == Role.COMPANY_ADMINISTRATOR else {}
    free = {f"{kind}:{actor.pk.hex}": own, **shared}
    return [Lane(key, number, delay=900, ends=NEVER, forgets=HOUR) for key, number in free.items()]


CLAIM = """
WITH lanes (key, free, delay, ends, since, renewed) AS (VALUES {rows}), clock (at) AS (VALUES ({number}))
INSERT INTO accounts_budget AS row (key, failures, blocked_until, last_at, began_at)
SELECT key, 1, 0, at, at FROM lanes, clock
WHERE NOT EXISTS (SELECT 1 FROM accounts_budget JOIN lanes USING (key) WHERE blocked_until > at)
ORDER BY key
ON CONFLICT (key) DO UPDATE SET (failures, blocked_until, last_at, began_at) = (
    SELECT n, CASE WHEN n >= ends THEN {forever} WHEN n < free THEN 0
                   WHEN n - free >= 10 OR delay * (1 << (n - free)) > {longest} THEN at + {longest}
                   ELSE at + delay * (1 << (n - free)) END,
           at, CASE WHEN n = 1 OR row.began_at > at THEN at ELSE row.began_at END
    FROM (SELECT CASE WHEN (CASE WHEN renewed = 1 THEN row.began_at ELSE row.last_at END) < since THEN 1
                      ELSE row.failures + 1 END AS n, free, delay, ends
          FROM lanes WHERE lanes.key = row.key) AS counted, clock)
WHERE row.blocked_until <= excluded.last_at
RETURNING key, failures
"""


def claim(*lanes: Lane) -> dict[str, int]:
    """Take one guess from every one of `lanes`: how many each has counted now. Raises Throttled where one has none.

    One statement that decides for all at once. Call it outside a transaction that may be rolled back.
    """
    if not lanes:
        return {}
    number, double = "CAST(%s AS integer)", "CAST(%s AS double precision)"
    row = f"(CAST(%s AS varchar(80)), {number}, {number}, {number}, {double}, {number})"
    query = CLAIM.format(rows=", ".join([row] * len(lanes)), number=double, forever=FOREVER, longest=LONGEST_DELAY)
    now = time()
    with connection.cursor() as cursor:
        values = [(x.key, x.free, x.delay, x.ends, now - x.forgets, int(x.renewed)) for x in lanes]
        cursor.execute(query, [*(value for lane in values for value in lane), now])
        counted = dict(cursor.fetchall())
    if len(counted) < len(lanes):
        # Of many at once, PostgreSQL may refuse one lane when the others have counted already: they get it back.
        forgive(given_back=[Guess(lane.key, now) for lane in lanes if lane.key in counted])
        raise Throttled(_blocked_until(lanes, now))
    return counted


FORGIVE = """
WITH back (key, guesses, since) AS (VALUES {rows})
UPDATE accounts_budget AS row
SET failures = CASE WHEN failures > guesses THEN failures - guesses ELSE 0 END,
    blocked_until = CASE WHEN last_at > since THEN blocked_until ELSE 0 END
FROM back
WHERE row.key = back.key
AND row.key IN (SELECT key FROM accounts_budget WHERE key IN (SELECT key FROM back) ORDER BY key {lock})
"""


def forgive(cleared: Iterable[Lane] = (), *, given_back: Iterable[Guess] = ()) -> None:
    """Forget all failures of the lanes `cleared`, and give guesses back that were right.

    Nobody waits for a right one; a wait that a later guess has begun stays.
    """
    back = {lane.key: (NEVER, FOREVER) for lane in cleared}
    for guess in given_back:
        guesses, since = back.get(guess.key, (0, 0.0))
        back[guess.key] = (guesses + 1, max(since, guess.at))
    if not back:
        return
    # Locked in the order in which `claim` takes them, so that the two never wait for each other.
    row = "(CAST(%s AS varchar(80)), CAST(%s AS integer), CAST(%s AS double precision))"
    query = FORGIVE.format(
        rows=", ".join([row] * len(back)), lock="FOR UPDATE" if connection.features.has_select_for_update else ""
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [value for key, rest in back.items() for value in (key, *rest)])


def wait(answer: HttpResponse, trouble: Throttled) -> HttpResponse:
    """`answer` as a 429 that says when the next guess is looked at (RFC 9110 section 10.2.3)."""
    answer.status_code = 429
    answer.headers["Retry-After"] = str(trouble.seconds)
    return answer


def count_failure(*lanes: Lane) -> None:
    """A failure that was not claimed before, in each of `lanes` that can still count it."""
    for lane in lanes:
        with suppress(Throttled):
            claim(lane)


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


def forget_old(seconds: int) -> int:
    """Delete what nobody has added to for `seconds`, except failures that only a success ends; how many.

    Names that nobody has are spared as people are: who tells them apart knows who exists (ASVS 6.3.8).
    """
    endless = Q(pk__startswith="person:") | Q(pk__startswith="factor:") | Q(pk__startswith="name:")
    old = Budget.objects.filter(last_at__lt=time() - seconds).exclude(endless, failures__gt=0)
    return old.delete()[0]


def _blocked_until(lanes: Iterable[Lane], now: float) -> float:
    """When all of `lanes` can count again, in a second at least. What a clock that ran ahead left becomes the longest."""
    rows, latest = Budget.objects.filter(pk__in=[lane.key for lane in lanes]), now + LONGEST_DELAY
    until = max([now + 1, *rows.values_list("blocked_until", flat=True)])
    if not latest < until < FOREVER:
        return until
    rows.filter(blocked_until__gt=latest, blocked_until__lt=FOREVER).update(blocked_until=latest)
    return latest
