"""What was kept of days that are over, as somebody may see it: how far they got, and how they signed in."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db.models import Min, Q
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _later

from accounts.roles import Role, seen_roles
from audit.methods import in_words
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.charts import bars, course
from companies.listing.kinds import Chip, Kind, is_met, role_of
from companies.models import Snapshot
from companies.queries import Coverage, share
from mfa.queries import State

if TYPE_CHECKING:
    from datetime import date

    from accounts.models import User
    from companies.charts import Bar, Course
    from companies.models import Company

MOST_POINTS = 26  # of a line
LONGEST = 364  # days that are looked back
WEEK = 7
MOST_COUNTED = 1000  # of today's refusals: an attack may leave any number
REASONS = {"Throttled": _later("Had to wait"), "AccountLocked": _later("Account locked or deactivated")}


@dataclass(frozen=True)
class CourseDay:
    """A day in the table behind the chart."""

    day: date
    coverage: Coverage

    @property
    def or_asked(self) -> int:
        return self.coverage.set_up + self.coverage.asked

    @property
    def percent_or_asked(self) -> int:
        return share(self.or_asked, self.coverage.all)


@dataclass(frozen=True)
class Past:
    """What was kept of all whom `viewer` sees, or of the people of `company`. `now` is today's last point."""

    viewer: User
    now: Coverage
    company: Company | None = None

    @cached_property
    def _first(self) -> date | None:
        """The first day that was kept."""
        first: date | None = Snapshot.objects.filter(self._scope).aggregate(first=Min("day"))["first"]
        return first

    @property
    def _scope(self) -> Q:
        company = self.company.pk if self.company else None if self.viewer.serves_site else self.viewer.company_id
        return Q(company=company) if company else Q(company=None, whole=True)

    @cached_property
    def _drawn(self) -> list[date]:
        """The days that are drawn beside today, as many as there is room for."""
        if self._first is None:
            return []
        today = timezone.localdate()
        kept = min((today - self._first).days, LONGEST)
        step = max(-(-kept // MOST_POINTS), 1)
        return [today - timedelta(days=number) for number in range(step, kept + 1, step)]

    @cached_property
    def _rows(self) -> dict[date, Snapshot]:
        """The days that are drawn, and those of the two weeks whose logins are counted."""
        if self._first is None:
            return {}
        today = timezone.localdate()
        lately = {today - timedelta(days=number) for number in range(1, 2 * WEEK + 1)}
        found = Snapshot.objects.filter(self._scope, day__in=lately | set(self._drawn)).order_by("day")
        return {row.day: row for row in found}

    # --- How far people got ---

    @cached_property
    def table(self) -> list[CourseDay]:
        """Each day that is drawn, today last."""
        drawn = set(self._drawn)
        rows = [CourseDay(day, covered(row, self.viewer)) for day, row in self._rows.items() if day in drawn]
        return [*rows, CourseDay(timezone.localdate(), self.now)]

    @cached_property
    def course(self) -> Course | None:
        """The share that is set up, and the share that is set up or asked; None before there are two days."""
        drawn = [row for row in self.table if row.coverage.all]
        return course(
            [row.day for row in drawn],
            [
                (_("Set up or asked"), "wait", [row.percent_or_asked for row in drawn]),
                (_("Set up"), "ok", [row.coverage.percent for row in drawn]),
            ],
        )

    # --- How they signed in ---

    @property
    def logins(self) -> list[Bar]:
        """Logins of these seven days by method."""
        named: Counter[str] = Counter()
        for key, number in self._sum("logins").items():
            named[_method(key)] += number
        return bars(named)

    @property
    def failures(self) -> list[Bar]:
        """Logins that were refused, by what was shown, or why it was not looked at."""
        named: Counter[str] = Counter()
        for key, number in self._sum("failures").items():
            methods, _space, reason = key.partition(" ")
            named[str(REASONS.get(reason) or _method(methods))] += number
        return bars(named)

    @property
    def week(self) -> tuple[date, date]:
        """The first and the last of the seven days: today is not over, and has a number of its own."""
        today = timezone.localdate()
        return today - timedelta(days=WEEK), today - timedelta(days=1)

    @cached_property
    def refused_today(self) -> int:
        """How many logins were refused since midnight; of more than MOST_COUNTED, one more."""
        midnight = timezone.make_aware(datetime.combine(timezone.localdate(), time.min))
        lines = AuditEvent.objects.order_by().filter(action=Action.REFUSED, at__gte=midnight)
        if not self.viewer.serves_site:
            lines = lines.filter(company=self.viewer.company_id)
        return lines[: MOST_COUNTED + 1].count()

    @property
    def refused_today_in_words(self) -> str:
        """The same, as a page says it."""
        if self.refused_today > MOST_COUNTED:
            return _("more than {number}").format(number=number_format(MOST_COUNTED, force_grouping=True))
        return number_format(self.refused_today, force_grouping=True)

    @property
    def counts_the_unseen(self) -> bool:
        """Are logins of people among the numbers whom the viewer does not see? They are kept by company alone."""
        return Role.COMPANY_ADMINISTRATOR not in seen_roles(self.viewer)

    @cached_property
    def rate(self) -> tuple[int, int]:
        """How many logins were refused in these seven days, and how many there were in all."""
        refused = sum(self._sum("failures").values())
        return refused, refused + sum(self._sum("logins").values())

    @cached_property
    def rate_before(self) -> tuple[int, int]:
        """The same of the week before."""
        refused = sum(self._sum("failures", weeks_ago=1).values())
        return refused, refused + sum(self._sum("logins", weeks_ago=1).values())

    def _sum(self, what: str, weeks_ago: int = 0) -> Counter[str]:
        first, last = (day - timedelta(days=WEEK * weeks_ago) for day in self.week)
        found: Counter[str] = Counter()
        for day, row in self._rows.items():
            if first <= day <= last:
                found.update(getattr(row, what))
        return found


def covered(row: Snapshot, viewer: User) -> Coverage:
    """How far those were whom `viewer` may see: of each kind it is looked once whom the rule of a company makes asked."""
    roles = seen_roles(viewer)
    counts = dict.fromkeys(("all", *State), 0)
    for text, (number, required) in row.kinds.items():
        kind = int(text)
        if not kind & Kind.ACTIVE or role_of(kind) not in roles:
            continue
        counts["all"] += number
        if kind & Kind.APP:
            counts[State.SET_UP] += number
        elif is_met(Chip.ASKED, kind, required=False, demanded=row.demanded):
            counts[State.ASKED] += number
        else:
            counts[State.ASKED] += required
            counts[State.OFF] += number - required
    return Coverage(counts)


def _method(key: str) -> str:
    """ "A password and a code"."""
    return str(capfirst(in_words(key.split("+")))) or _("Another way")
