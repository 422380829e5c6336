"""Whom a change of rules will meet, counted before it is made: the policy asked about each kind of person there is."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING

from django.db.models import Exists, Q, Sum

from accounts import site_rule
from accounts.models import Role, User
from companies.administrators import is_met_alone
from companies.listing.kinds import CELL_COLUMNS, OPENS_SETTINGS, Cell, Kind
from companies.models import Listing, Tally
from mfa.forecast import (
    Circumstances,
    Outcome,
    demanding,
    demanding_pass,
    once_open,
    outcome,
    released,
    requiring,
    switched_off,
)
from mfa.models import AccessPass
from mfa.policy import Standing
from mfa.queries import CONFIRMED_APPS, circumstances_of, with_holdings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from companies.listing.numbers import Numbers
    from companies.models import Company

    Then = Callable[["Someone"], Circumstances]

ADMINISTRATORS_NAMED = 3  # company administrators, by name
NO_KIND = Kind(0)


@dataclass(frozen=True)
class Someone:
    """Somebody, or whoever is of a kind: how they stand now, and what still counts once a rule is gone."""

    now: Circumstances
    required_by_company: bool
    pass_demanded_by_company: bool
    own_switch: bool

    @classmethod
    def of_cell(cls, cell: Cell, *, demanded: bool) -> Someone:
        """`demanded`: the site demands a factor of everybody who opens the Settings app. A kind tells of no pass that was given."""
        standing = Standing(
            two_factor_required=cell.required or Kind.OWN_SWITCH in cell.kind,
            has_app=Kind.APP in cell.kind,
            has_passkey=Kind.PASSKEY in cell.kind,
            passkey_requested=Kind.REQUESTED in cell.kind,
            pass_demanded=cell.pass_demanded,
            must_have_factor=demanded and bool(cell.kind & OPENS_SETTINGS),
        )
        return cls(Circumstances(standing), cell.required, cell.pass_demanded, Kind.OWN_SWITCH in cell.kind)

    @classmethod
    def of_person(cls, person: User) -> Someone:
        now = circumstances_of(person)
        return cls(now, person.required_by_company, person.pass_demanded_by_company, person.two_factor_enabled)


def _as_it_is(who: Someone) -> Circumstances:
    return once_open(who.now)


def _once_required(who: Someone) -> Circumstances:
    return requiring(who.now)


def _once_off(who: Someone) -> Circumstances:
    return switched_off(who.now, required=who.required_by_company, pass_demanded=who.pass_demanded_by_company)


def _once_released(who: Someone) -> Circumstances:
    return released(who.now, required=False)


def _once_released_keeping(who: Someone) -> Circumstances:
    return released(who.now, required=who.own_switch)


def _once_demanded(who: Someone) -> Circumstances:
    return demanding(who.now)


def _once_pass_is_demanded(who: Someone) -> Circumstances:
    return demanding_pass(who.now)


class Change(StrEnum):
    """A change of rules that is forecast, by its name in the address of a list; the first is none."""

    NONE = "now"
    REQUIRED = "required"
    OFF = "off"
    RELEASED = "released"
    DEMANDED = "demanded"
    PASS_DEMANDED = "pass"  # noqa: S105  # a name


THEN: dict[Change, Then] = {
    Change.NONE: _as_it_is,
    Change.REQUIRED: _once_required,
    Change.OFF: _once_off,
    Change.RELEASED: _once_released,
    Change.DEMANDED: _once_demanded,
    Change.PASS_DEMANDED: _once_pass_is_demanded,
}


def is_forecast(cell: Cell, change: Change) -> bool:
    """Is somebody of this kind among those of whom the forecast of `change` says what becomes of them?"""
    if Kind.ACTIVE not in cell.kind:
        return False
    match change:
        case Change.OFF:
            return True
        case Change.DEMANDED:
            return is_met_alone(cell.kind) and not cell.required
    return Kind.APP not in cell.kind


@cache  # a page asks a thousand times, about some dozens of kinds
def outcome_of(cell: Cell, change: Change, *, demanded: bool) -> Outcome:
    """What the next login is of whoever is of this kind, once that is changed."""
    return outcome(THEN[change](Someone.of_cell(cell, demanded=demanded)))


def outcome_for(person: User, change: Change) -> Outcome:
    """The same of somebody, who is looked at."""
    return outcome(THEN[change](Someone.of_person(person)))


@dataclass(frozen=True)
class Outcomes:
    """How many people there are of each kind, by what their next login will be once their account is open."""

    numbers: Counter[tuple[Outcome, Kind]]
    of_kind: Mapping[Cell, Outcome]
    looked_at: Mapping[UUID, Outcome]  # those who were given a pass, of which their kind does not tell

    def count(self, *words: Outcome, having: Kind = NO_KIND, without: Kind = NO_KIND) -> int:
        """How many come to one of `words`; to any, where none is named."""
        return sum(
            number
            for (word, kind), number in self.numbers.items()
            if word in (words or Outcome) and having in kind and not kind & without
        )

    def names(self, rows: QuerySet[Listing], word: Outcome) -> list[str]:
        """Some of the company administrators in `rows`, of one company, who come to `word`, by name."""
        kinds = {cell.kind for cell, found in self.of_kind.items() if found is word and _administers(cell.kind)}
        theirs = [person for person, found in self.looked_at.items() if found is word]
        others = Q(kind__in=kinds) & ~Q(person__in=list(self.looked_at))
        found = rows.filter(others | Q(person__in=theirs)).order_by().values("person")
        named = User.objects.get_queryset().filter(pk__in=found, role=Role.COMPANY_ADMINISTRATOR, locked_at=None)
        return [person.get_full_name() for person in named.order_by("search_text", "pk")[:ADMINISTRATORS_NAMED]]


def _administers(kind: Kind) -> bool:
    """Is somebody of this kind a company administrator whose account is open?"""
    return Kind.COMPANY_ADMINISTRATOR in kind and Kind.LOCKED not in kind


def given_passes(rows: QuerySet[Listing], people: QuerySet[User]) -> dict[User, Cell]:
    """Those of `people`, who stand in `rows`, who were given a pass and have set nothing up since."""
    keys = list(AccessPass.objects.values_list("user", flat=True))  # SQLite looks at everybody otherwise
    if not keys:
        return {}
    given = people.filter(~Exists(CONFIRMED_APPS), pk__in=keys, is_active=True).select_related("company")
    found = {person.pk: person for person in with_holdings(given)}
    cells = rows.filter(person__in=list(found)).values_list("person", *CELL_COLUMNS)
    return {found[key]: Cell.of(*columns) for key, *columns in cells}


def _outcomes(cells: Mapping[Cell, int], given: Mapping[User, Cell], then: Then, *, demanded: bool = False) -> Outcomes:
    """What becomes of so many people in each of `cells`. Of those who were `given` a pass each is looked at: they are few."""
    of_kind = {cell: outcome(then(Someone.of_cell(cell, demanded=demanded))) for cell in cells}
    numbers: Counter[tuple[Outcome, Kind]] = Counter()
    for cell, number in cells.items():
        numbers[of_kind[cell], cell.kind] += number
    looked_at = {}
    for person, cell in given.items():
        if cell in of_kind:
            looked_at[person.pk] = word = outcome(then(Someone.of_person(person)))
            numbers[of_kind[cell], cell.kind] -= 1
            numbers[word, cell.kind] += 1
    return Outcomes(numbers, of_kind, looked_at)


# --- 2FA is required ---


@dataclass(frozen=True)
class Forecast:
    """What becomes of people once 2FA is required of them: those who are set up notice nothing, the others are `left`."""

    set_up: int
    left: Outcomes
    reader: Outcome | None = None  # what it means for whoever reads this; None where they are not among them
    administrators: Mapping[Outcome, list[str]] | None = None  # some by name

    @property
    def people(self) -> int:
        return self.set_up + self.left.count()


def of_requiring(company: Company, numbers: Numbers, *, viewer: User) -> Forecast:
    """What requiring 2FA of everybody in `company`, whose `numbers` are given, will do: a few statements, however many people there are."""
    found, rows = counts_of_requiring(company, numbers, viewer=viewer), Listing.objects.filter(company=company)
    names = {
        word: found.left.names(rows, word)
        for word in (Outcome.ASKED, Outcome.STUCK)
        if found.left.count(word, having=Kind.COMPANY_ADMINISTRATOR, without=Kind.LOCKED)
    }
    reader = outcome(_once_required(Someone.of_person(viewer))) if viewer.company_id == company.pk else None
    return Forecast(found.set_up, found.left, reader, names)


def counts_of_requiring(company: Company, numbers: Numbers, *, viewer: User) -> Forecast:
    """The same without names, and without what it means for whoever reads it."""
    rows = Listing.objects.filter(company=company)
    return of_people(_cells_of(company, numbers), rows, User.objects.managed_by(viewer).filter(company=company))


def of_people(cells: Mapping[Cell, int], rows: QuerySet[Listing], people: QuerySet[User]) -> Forecast:
    """The same of these `people`, of whom there are so many in each of `cells`."""
    left = {cell: number for cell, number in cells.items() if Kind.APP not in cell.kind}
    return Forecast(
        sum(cells.values()) - sum(left.values()), _outcomes(left, given_passes(rows, people), _once_required)
    )


def _cells_of(company: Company, numbers: Numbers) -> dict[Cell, int]:
    """The active people of `company` by what they are."""
    return {
        Cell.of(kind, company.two_factor_enabled, company.pass_demanded): number
        for kind, number in numbers.people.items()
        if kind & Kind.ACTIVE
    }


# --- 2FA is required no longer ---


@dataclass(frozen=True)
class Release:
    """What becomes of the people of a company whom one administrator sees, once it no longer requires 2FA.

    Those who are set up keep it. What it means for the others depends on whether those are asked still whose own
    switch is on.
    """

    set_up: int
    left: Outcomes
    keeping: Outcomes
    reader: Outcome | None  # what it means for whoever reads this; None where they are not of this company
    reader_is_set_up: bool = False

    @property
    def people(self) -> int:
        return self.set_up + self.left.count()

    def freed(self, *, keeping: bool) -> int:
        """How many are no longer asked; `keeping` those who were switched on by themselves."""
        return (self.keeping if keeping else self.left).count(Outcome.FREE)


def of_releasing(company: Company, numbers: Numbers, *, viewer: User) -> Release:
    """What it will do that `company`, whose `numbers` are given, no longer requires 2FA."""
    cells, rows = _cells_of(company, numbers), Listing.objects.filter(company=company)
    left = {cell: number for cell, number in cells.items() if Kind.APP not in cell.kind}
    given = given_passes(rows, User.objects.managed_by(viewer).filter(company=company))
    reader = Someone.of_person(viewer) if viewer.company_id == company.pk else None
    return Release(
        sum(cells.values()) - sum(left.values()),
        _outcomes(left, given, _once_released, demanded=numbers.demanded),
        _outcomes(left, given, _once_released_keeping, demanded=numbers.demanded),
        outcome(_once_released(reader)) if reader else None,
        reader_is_set_up=reader is not None and reader.now.standing.has_app,
    )


def of_switching_off(cells: Mapping[Cell, int], rows: QuerySet[Listing], people: QuerySet[User]) -> Outcomes:
    """What becomes of these `people` once 2FA is switched off for each of them, and what they set up for it is gone."""
    return _outcomes(cells, given_passes(rows, people), _once_off, demanded=site_rule.is_on())


def of_nothing(cells: Mapping[Cell, int], rows: QuerySet[Listing], people: QuerySet[User]) -> Outcomes:
    """The same of those who have not set it up, where no rule is changed."""
    left = {cell: number for cell, number in cells.items() if Kind.APP not in cell.kind}
    return _outcomes(left, given_passes(rows, people), _as_it_is, demanded=site_rule.is_on())


# --- The site demands a factor ---


@dataclass(frozen=True)
class SiteForecast:
    """What becomes of those who open the Settings app, and are asked by no other rule, once a factor is demanded there.

    Who is free has a passkey, which is asked for from then on.
    """

    left: Outcomes
    reader: Outcome | None  # None where they have an app, or another rule asks them


def of_demanding(numbers: Numbers, *, viewer: User) -> SiteForecast:
    """The same of all whom `viewer`, who administers the site, sees: their `numbers`."""
    kinds = [kind for kind in numbers.people if is_met_alone(kind)]
    cells: Counter[Cell] = Counter()
    tally = Tally.objects.order_by().filter(kind__in=kinds).values_list(*CELL_COLUMNS).annotate(Sum("number"))
    for kind, required, demanded, number in tally:
        if number and not required:
            cells[Cell.of(kind, required, demanded)] += number
    people = User.objects.managed_by(viewer).exclude(role=Role.MEMBER)
    left = _outcomes(cells, given_passes(Listing.objects.filter(kind__in=kinds), people), _once_demanded)
    reader = Someone.of_person(viewer)
    standing = reader.now.standing
    met = not standing.has_app and not standing.two_factor_required
    return SiteForecast(left, outcome(_once_demanded(reader)) if met else None)


# --- A company demands a pass ---


def of_demanding_pass(company: Company, numbers: Numbers, *, viewer: User) -> Forecast:
    """What it will do that `company`, whose `numbers` are given, demands a pass before each first set-up."""
    cells, rows = _cells_of(company, numbers), Listing.objects.filter(company=company)
    left = {cell: number for cell, number in cells.items() if Kind.APP not in cell.kind}
    people = User.objects.managed_by(viewer).filter(company=company)
    reader = outcome(_once_pass_is_demanded(Someone.of_person(viewer))) if viewer.company_id == company.pk else None
    found = _outcomes(left, given_passes(rows, people), _once_pass_is_demanded, demanded=numbers.demanded)
    return Forecast(sum(cells.values()) - sum(left.values()), found, reader)
