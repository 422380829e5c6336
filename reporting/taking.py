"""Keeping the numbers of a day: once, whenever it is asked for, and however often."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Count
from django.utils import timezone

from accounts.one_moment import one_moment
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.models import Snapshot
from reporting.past import demanded_at, numbers_at, requiring_at

if TYPE_CHECKING:
    from uuid import UUID

WRITTEN_AT_ONCE = 500
MOST_MISSED = 31  # days that are made good, where nothing ran


class NotYet(ValueError):
    """The day has not begun."""


def end_of(day: date) -> datetime:
    """The moment at which `day` is over, on the site's own clock."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def take_snapshot(day: date) -> bool:
    """Keep the numbers of `day`: as they were at its end, or are now where it is not over. False where that was done.

    Those of a day that was not over are replaced later. Raises NotYet.
    """
    now = timezone.now()
    if start_of(day) > now:
        raise NotYet
    until = min(end_of(day), now)
    if Snapshot.objects.filter(day=day, whole=True, until__gte=until).exists():
        return False
    with one_moment():
        rows = _rows(day, until)
    with transaction.atomic():
        Snapshot.objects.filter(day=day, until__lt=until).delete()
        # Of two that do it at once, one is enough.
        Snapshot.objects.bulk_create(rows, batch_size=WRITTEN_AT_ONCE, ignore_conflicts=True)
    return True


def take_missing() -> list[date]:
    """Keep the numbers of yesterday, and of the days before it since the last that was kept; which days it were."""
    yesterday = timezone.localdate() - timedelta(days=1)
    kept = Snapshot.objects.filter(whole=True, day__lt=yesterday).order_by("-day").values_list("day", flat=True).first()
    first = max(kept + timedelta(days=1), yesterday - timedelta(days=MOST_MISSED)) if kept else yesterday
    days = [first + timedelta(days=number) for number in range((yesterday - first).days + 1)]
    return [day for day in days if take_snapshot(day)]


def _rows(day: date, until: datetime) -> list[Snapshot]:
    """A row for each company of which there is anything to say, and one for all."""
    requiring, demanded = requiring_at(until), demanded_at(until)
    rows: dict[UUID | None, Snapshot] = defaultdict(lambda: Snapshot(day=day, until=until, demanded=demanded))
    whole = Snapshot(day=day, until=until, demanded=demanded, whole=True)
    people: Counter[int] = Counter()
    required: Counter[int] = Counter()
    for (company, kind), there in numbers_at(until).items():
        of_them = there if company in requiring else 0
        rows[company].kinds[str(kind)] = [there, of_them]
        people[kind] += there
        required[kind] += of_them
    whole.kinds = {str(kind): [there, required[kind]] for kind, there in people.items()}
    lines: Any = AuditEvent.objects.filter(at__gte=start_of(day), at__lt=until).order_by()
    of, number = ("company", "details__methods"), Count("pk")
    _count(rows, whole, "logins", lines.filter(action=Action.SIGNED_IN).values_list(*of).annotate(number))
    refused = lines.filter(action=Action.REFUSED).values_list(*of, "details__reason")
    _count(rows, whole, "failures", refused.annotate(number))
    for company, row in rows.items():
        row.company_id = company
    return [whole, *rows.values()]


def _count(rows: dict[UUID | None, Snapshot], whole: Snapshot, what: str, counted: Any) -> None:
    """Add how often something happened that day, by company and what the lines say."""
    for company, *said, number in counted:
        key = " ".join("+".join(each) if isinstance(each, list) else str(each) for each in said)
        for row in (rows[company], whole):
            numbers = getattr(row, what)
            numbers[key] = numbers.get(key, 0) + number
