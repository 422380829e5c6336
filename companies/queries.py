"""Lists and figures for Administration. A page costs the same number of statements however many people there are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from django.db.models import Q

from accounts.activity import Activity
from accounts.models import User
from audit.acts import CHANGES
from companies.listing.kinds import Chip, Kind
from companies.listing.numbers import numbers_by_company
from companies.listing.pages import Walk
from companies.models import Listing
from companies.sums import runs_without_sum
from mfa.queries import State

if TYPE_CHECKING:
    from collections.abc import Iterable

    from audit.models import AuditEvent
    from companies.listing.numbers import Numbers
    from companies.models import Company


def count_people(companies: Iterable[Company], viewer: User) -> list[Company]:
    """`companies`, each with `people` and `set_up`: the active people whom `viewer` manages there, and those with 2FA."""
    found = list(companies)
    numbers = numbers_by_company(viewer, found, demanded=False)  # which changes neither number
    for company in found:
        company.people, company.set_up = numbers[company.pk].of(None), numbers[company.pk].of(Chip.SET_UP)
    return found


@dataclass(frozen=True)
class Coverage:
    """How many people of a group have set up 2FA, will be asked at the next login, or will not be asked."""

    counts: dict[str, int]

    @classmethod
    def of(cls, numbers: Numbers) -> Coverage:
        alone = numbers.kept(_asked_alone)
        return cls(numbers.of_each() | {"individually": alone.of(None)})

    @property
    def all(self) -> int:
        return self.counts["all"]

    @property
    def set_up(self) -> int:
        return self.counts[State.SET_UP]

    @property
    def asked(self) -> int:
        return self.counts[State.ASKED]

    @property
    def off(self) -> int:
        return self.counts[State.OFF]

    @property
    def not_set_up(self) -> int:
        return self.asked + self.off

    @property
    def individually(self) -> int:
        return self.counts["individually"]

    @property
    def percent(self) -> int:
        return share(self.set_up, self.all)

    @property
    def bars(self) -> list[tuple[str, str, str]]:
        """Class, start and width of each bar, in percent of the whole."""
        bars, start = [], 0.0
        for name, number in (("ok", self.set_up), ("wait", self.asked), ("off", self.off)):
            width = 100 * number / self.all if self.all else 0
            if number:
                bars.append((name, f"{start:.2f}%", f"{width:.2f}%"))
            start += width
        return bars


def share(part: int, whole: int) -> int:
    """In percent, rounded, but 100 only for all of it."""
    return min(round(100 * part / whole), 100 if part == whole else 99) if whole else 0


def asked_alone(company: Company, numbers: Numbers, viewer: User, most: int) -> list[User]:
    """Some of the people of `company`, whose `numbers` are given, whom their own switch asks to set up 2FA, by name: `most`
    of a page.
    """
    kinds = {kind: n for kind, n in numbers.people.items() if kind & Kind.ACTIVE and _asked_alone(kind)}
    rows = Listing.objects.filter(company=company)
    walk = Walk(rows, lambda column: Q(**{f"{column}__in": list(kinds)}), sum(kinds.values()), start=None)
    keys = walk.people("name")[:most]
    return list(User.objects.managed_by(viewer).filter(pk__in=keys).order_by("search_text", "pk"))


@cache  # a page asks a hundred times, about some dozens of kinds
def _asked_alone(kind: int) -> bool:
    return bool(kind & Kind.OWN_SWITCH and not kind & Kind.APP)


def latest_events(company: Company, viewer: User) -> list[AuditEvent]:
    """What was done in `company` lately, without sign-ins and refusals; of what was done to many, the sum."""
    return Activity(viewer, company=company.pk, acts=CHANGES, folded=True, going_on=runs_without_sum()).newest()
