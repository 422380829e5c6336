"""Lists and figures for Administration. A page costs the same number of statements however many people there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import Count, Exists, F, Q
from django.utils.functional import cached_property

from accounts import history
from accounts.models import User
from audit.models import AuditEvent
from companies.models import Company
from mfa.methods.totp import with_app
from mfa.queries import IN_STATE, PASSKEY_REQUESTS, State, count_states, with_factors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet
    from django.http import QueryDict

PAGE_SIZE = 25
MOST_COMPANIES = 500  # to choose from in one field; the search finds the others by name
ORDERS = {
    "name": (F("search_text").asc(),),
    "company": (F("company__name_folded").asc(nulls_first=True), F("search_text").asc()),
    "role": (F("role").asc(), F("search_text").asc()),
    "last": (F("last_sign_in_at").desc(nulls_last=True), F("search_text").asc()),
}
FILTERS = ("", *State, "requested", "locked", "inactive")


@dataclass(frozen=True)
class UserList:
    """Administration → User: what was asked for, and what was found. Anything odd in the address is ignored."""

    actor: User
    asked: QueryDict

    @property
    def words(self) -> str:
        return self.asked.get("q", "")[:200].strip()

    @property
    def chosen(self) -> str:
        """The filter: a state, "requested", "locked" or "inactive"; "" for all active people, or all whom a search finds."""
        chosen = self.asked.get("show", "")
        return chosen if chosen in FILTERS else ""

    @property
    def order(self) -> str:
        order = self.asked.get("sort", "name")
        return order if order in ORDERS else "name"

    @property
    def ordering(self) -> tuple[Any, ...]:
        """What the rows are ordered by: a search shows deactivated people last."""
        return (*(("-is_active",) if self.words else ()), *ORDERS[self.order], "pk")

    @cached_property
    def company(self) -> Company | None:
        """The company whose people alone are shown."""
        try:
            return Company.objects.managed_by(self.actor).filter(pk=UUID(self.asked.get("company", ""))).first()
        except ValueError:
            return None

    @cached_property
    def companies(self) -> list[Company]:
        """The companies to choose from: none for somebody who manages people of one."""
        if not self.actor.serves_site:
            return []
        first = list(Company.objects.managed_by(self.actor).order_by("name_folded")[:MOST_COMPANIES])
        return first if self.company is None or self.company in first else [self.company, *first]

    @cached_property
    def people(self) -> QuerySet[User]:
        """Everybody found, active or not."""
        people = User.objects.managed_by(self.actor).search(self.words)
        return people.filter(company=self.company) if self.company else people

    @cached_property
    def counts(self) -> dict[str, int]:
        """The numbers beside the filters."""
        counts = count_states(self.people.filter(is_active=True))
        inactive = self.people.filter(is_active=False).count()
        return counts | {"inactive": inactive, "all": counts["all"] + (inactive if self.words else 0)}

    @cached_property
    def page(self) -> Page[User]:
        """The page asked for, its people with what they hold."""
        people, order = self.people, self.ordering
        if self.chosen or not self.words:
            people = people.filter(is_active=self.chosen != "inactive")
        if self.chosen == "requested":
            people = people.filter(Exists(PASSKEY_REQUESTS))
        elif self.chosen == "locked":
            people = people.exclude(locked_at=None)
        elif self.chosen in list(State):
            people = people.filter(IN_STATE[State(self.chosen)])
        ids = people.order_by(*order).values_list("pk", flat=True)
        paginator = Paginator(ids, PAGE_SIZE)
        paginator.__dict__["count"] = self.counts[self.chosen or "all"]  # known already
        page = paginator.get_page(self.asked.get("page", "1"))
        found = with_factors(User.objects.filter(pk__in=list(page.object_list)).select_related("company"))
        return Page(found.order_by(*order), page.number, paginator)  # type: ignore[arg-type]  # rows in place of ids


def count_people(companies: Iterable[Company], viewer: User) -> list[Company]:
    """`companies`, each with `people` and `set_up`: the active people whom `viewer` manages there, and those with 2FA."""
    found = list(companies)
    counts = {
        company: numbers
        for company, *numbers in with_app(User.objects.managed_by(viewer).filter(company__in=found, is_active=True))
        .order_by()
        .values_list("company")
        .annotate(people=Count("pk"), set_up=Count("app"))
    }
    for company in found:
        company.people, company.set_up = counts.get(company.pk, (0, 0))
    return found


@dataclass(frozen=True)
class Coverage:
    """How many people of a group have set up 2FA, will be asked at the next login, or will not be asked."""

    counts: dict[str, int]

    @classmethod
    def of(cls, people: QuerySet[User]) -> Coverage:
        return cls(count_states(people.filter(is_active=True)))

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
        """Rounded, but 100 only if everybody has set it up."""
        if not self.all:
            return 0
        return min(round(100 * self.set_up / self.all), 100 if self.set_up == self.all else 99)

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


def events_of(company: Company, viewer: User) -> QuerySet[AuditEvent]:
    """What was done in `company`, newest first, without sign-ins and refusals.

    Viewers who do not manage everybody see no line about the rest, except what these did to the company and to the
    viewer's people.
    """
    acts = AuditEvent.objects.filter(company=company).exclude(
        action__in=[
            "proved",
            "signed_in",
            "refused",
            "signed_out",
            "confirmed",
            "passkey_postponed",
            "form_refused",
            "step_skipped",
            "access_refused",
            "fields_ignored",
            "passkey_refused",
        ]
    )
    if not viewer.sees_everybody:
        managed = User.objects.managed_by(viewer)
        of_theirs = Q(subject__in=managed) | Q(subject=None, actor__in=managed)
        acts = acts.filter(of_theirs | Q(action__startswith="company_"))
    return acts


def latest_events(company: Company, viewer: User) -> list[AuditEvent]:
    """What was done in `company` lately."""
    return history.newest(events_of(company, viewer), viewer=viewer)


def all_events(company: Company, viewer: User, page: str) -> Page[AuditEvent]:
    """A page of everything that was done in `company`."""
    shown = Paginator(history.seen_by(viewer, events_of(company, viewer)), PAGE_SIZE).get_page(page)
    shown.object_list = history.shown_to(viewer, shown.object_list)
    return shown
