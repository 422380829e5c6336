"""A list that its address narrows down by conditions: how many there are, and which rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from django.db.models import Count, Q, Sum

from companies.forecast import Change
from companies.listing.kinds import CELL_COLUMNS, Cell, Kind
from companies.listing.narrowing import Ground, condition
from companies.listing.numbers import scope_of
from companies.models import Company, Listing, Tally
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User
    from companies.listing.narrowing import Condition
    from companies.listing.numbers import Numbers

    Rule = tuple[bool, bool]  # what a company does: requires 2FA, demands a pass

FEW_COMPANIES = 200
RULES: list[Rule] = [(False, False), (False, True), (True, False), (True, True)]


@dataclass(frozen=True)
class Narrowed:
    """Those of `rows` who meet the filter (`meets`) and all `conditions`.

    `kinds` are those that there are, `company` the one whose people they are if it is one, and `tally` the cells that add up
    to `rows`; None where only the rows can be counted.
    """

    rows: QuerySet[Listing]
    tally: QuerySet[Tally] | None
    kinds: Iterable[int]
    company: Company | None
    meets: Callable[[Cell], bool]
    conditions: list[Condition]

    @property
    def number(self) -> int:
        return self.cells.total()

    @cached_property
    def cells(self) -> Counter[Cell]:
        """How many there are of each kind, and of what their company does."""
        if self.tally is None or any(each.also or each.but for each in self.conditions):
            rows = self.rows.filter(self.choice())
            return _counter(rows.order_by().values_list(*CELL_COLUMNS).annotate(Count("pk")))
        cells = self.tally.filter(self._of_kinds(self._met, tallied=True))
        found = _counter(cells.order_by().values_list(*CELL_COLUMNS).annotate(Sum("number")))
        named = {person for each in self.conditions for person in each.also_of | each.but_not_of}
        theirs = self.rows.filter(person__in=named, kind__in=list(self.kinds)) if named else self.rows.none()
        for person, *columns in theirs.values_list("person", *CELL_COLUMNS):
            cell = Cell.of(*columns)
            holds = self.meets(cell) and all(each.holds_of(person, cell) for each in self.conditions)
            found[cell] += holds - self._holds(cell)
        return +found

    def choice(self, column: str = "kind") -> Q:
        """They in the listing, by this column."""
        chosen = self._of_kinds(self._certain, column)
        for each in self.conditions:
            if _adds(each):
                added = Q(person__in=list(each.also_of))
                added = added | each.also if each.also else added
                chosen &= self._of_kinds(self._kinds_that(each.holds), column) | added
            if each.but_not_of:
                chosen &= ~Q(person__in=list(each.but_not_of))
            if each.but:
                chosen &= ~each.but
        return chosen

    def tallied(self) -> Q:
        """The cells in which they are, but for those `beside`."""
        added = any(each.also for each in self.conditions)
        return self._of_kinds(self._certain if added else self._met, tallied=True)

    @property
    def beside(self) -> frozenset[UUID]:
        return frozenset(person for each in self.conditions for person in each.also_of)

    # --- By kind ---

    @cached_property
    def _met(self) -> dict[Rule, set[int]]:
        """The kinds that meet all, by what their company does."""
        return self._kinds_that(self._holds)

    @cached_property
    def _certain(self) -> dict[Rule, set[int]]:
        """The kinds that meet all that no person and no row adds somebody to."""
        certain = [each for each in self.conditions if not _adds(each)]
        return self._kinds_that(lambda cell: self.meets(cell) and all(each.holds(cell) for each in certain))

    def _holds(self, cell: Cell) -> bool:
        return self.meets(cell) and all(each.holds(cell) for each in self.conditions)

    def _kinds_that(self, holds: Callable[[Cell], bool]) -> dict[Rule, set[int]]:
        theirs = self.company and (self.company.two_factor_enabled, self.company.pass_demanded)
        rules = [theirs] if theirs else RULES
        return {rule: {kind for kind in self.kinds if holds(Cell.of(kind, *rule))} for rule in rules}

    def _of_kinds(self, met: dict[Rule, set[int]], column: str = "kind", *, tallied: bool = False) -> Q:
        """These kinds: alone where it is no matter what the company does, and else with that."""
        whatever = set.intersection(*met.values())
        chosen = Q(**{f"{column}__in": sorted(whatever)})
        left = {rule: kinds - whatever for rule, kinds in met.items()}
        for kinds in {frozenset(kinds) for kinds in left.values() if kinds}:
            rules = {rule for rule, theirs in left.items() if theirs == kinds}
            chosen |= Q(**{f"{column}__in": sorted(kinds)}) & _companies_that(rules)
        if self.company or whatever or any(kinds and not demanded for (_required, demanded), kinds in left.items()):
            return chosen
        if tallied or not self._demanding:
            return chosen
        return chosen & Q(company__in=self._demanding)

    @cached_property
    def _demanding(self) -> list[UUID]:
        """The companies that demand a pass, where they are few: their people are looked through sooner than all of a kind."""
        found = Company.objects.filter(pass_demanded=True).values_list("pk", flat=True)[: FEW_COMPANIES + 1]
        return [] if len(found) > FEW_COMPANIES else list(found)


def kept_out(viewer: User, numbers: Numbers, company: Company | None = None) -> Counter[Cell]:
    """Of all whom `viewer` sees, in `company` if it is said, those whom the next login lets in by no way before a pass is
    given. Their `numbers` are given.
    """
    rows, cells = Listing.objects.filter(scope_of(viewer)), Tally.objects.filter(scope_of(viewer))
    if company:
        rows, cells = rows.filter(company=company), cells.filter(company=company)
    stuck = condition(f"{Change.NONE}.{Outcome.STUCK}", Ground(viewer, rows, numbers.demanded))
    return Narrowed(rows, cells, numbers.people, company, lambda cell: Kind.ACTIVE in cell.kind, [stuck]).cells


def _adds(each: Condition) -> bool:
    return bool(each.also_of or each.also)


def _companies_that(rules: set[Rule]) -> Q:
    """Companies that do one of these; who has none is required nothing."""
    requires, demands = Q(company__two_factor_enabled=True), Q(company__pass_demanded=True)
    if rules == {(True, False), (True, True)}:
        return requires
    if rules == {(False, True), (True, True)}:
        return demands
    if rules == {(False, False), (False, True)}:
        return ~requires
    if rules == {(False, False), (True, False)}:
        return ~demands
    found = Q(pk__in=())
    for required, demanded in rules:
        found |= (requires if required else ~requires) & (demands if demanded else ~demands)
    return found


def _counter(rows: Iterable[tuple[int, bool | None, bool | None, int]]) -> Counter[Cell]:
    found: Counter[Cell] = Counter()
    for kind, required, demanded, number in rows:
        found[Cell.of(kind, required, demanded)] += number
    return found
