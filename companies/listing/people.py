"""Administration → User: who is asked for, and who is found. Lists, numbers, and what is done to all that are found, use it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, Subquery, Sum
from django.utils.functional import cached_property

from accounts import site_rule
from accounts.models import Role, User
from accounts.roles import seen_roles
from audit.prepared import Prepared
from companies.bulk.models import BulkPerson
from companies.listing.asked import AskedList
from companies.listing.kinds import CELL_COLUMNS, LABELS, NEVER_HIDDEN, Cell, Chip, Kind, is_met, met_by, role_of
from companies.listing.narrowed import Narrowed
from companies.listing.narrowing import Ground, condition
from companies.listing.numbers import ACTIVE, Numbers, numbers_for, numbers_of_rows, scope_of
from companies.listing.pages import ONE_MORE, PAGE_SIZE, Walk, row_of
from companies.listing.search import LOOKED_THROUGH, MOST_HITS, Hits, beginning_with, matching, search
from companies.models import Listing, Reminder, Tally
from mfa.queries import with_factors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise as StrPromise

    from companies.listing.search import Hit

LISTED_AT_ONCE = 5000


@dataclass(frozen=True)
class PeoplePage:
    """People who are shown at once, with what they hold. `first` is the place of the first among all, where it is known."""

    people: list[User]
    first: int
    earlier: UUID | None = None  # those before this person
    later: UUID | None = None  # those after this person

    @property
    def last(self) -> int:
        return self.first + len(self.people) - 1

    @property
    def first_after(self) -> int:
        return self.last + 1

    @property
    def first_before(self) -> int:
        return max(self.first - PAGE_SIZE, 1)


@dataclass(frozen=True)
class UserList(AskedList):
    """What was asked for, and what was found."""

    # --- Found ---

    @cached_property
    def counts(self) -> dict[str, int]:
        """The numbers beside the filters, and "all"; none where more were found than were looked at."""
        if not self.terms:
            return self._numbers.of_each() | ({"all": self._numbers.all} if self.chosen_for else {})
        if self._hits.more:
            return {}
        found: Counter[str] = Counter(dict.fromkeys(Chip, 0))
        for (kind, required), number in Counter((hit.kind, bool(hit.required)) for hit in self._hits.people).items():
            met = met_by(kind, required=required, demanded=self._demanded)
            found.update(dict.fromkeys(met, number))
        return {**found, "all": len(self._hits.people)}

    @property
    def chips(self) -> list[tuple[Chip, StrPromise, int | None]]:
        """The filters that are offered: value, name and number."""
        counts = self.counts
        return [
            (chip, LABELS[chip], counts.get(chip))
            for chip in Chip
            if chip in NEVER_HIDDEN or chip == self.chosen or counts.get(chip, 1)
        ]

    @property
    def number(self) -> int | None:
        """How many there are behind the filter; None for too many to be counted."""
        if self.terms:
            return None if self.more else len(self._sought)
        return self._narrowed.number if self._narrowed else self.counts.get(self.chosen or "all")

    @cached_property
    def more(self) -> bool:
        """Did the search find more than it lists?"""
        return bool(self.terms) and self._chosen_hits.more

    @cached_property
    def page(self) -> PeoplePage:
        """The page asked for."""
        if self.finds_nobody:
            return PeoplePage([], 1)
        return self._page_of_hits() if self.terms else self._page_of_walk()

    def ids(self) -> Iterator[UUID]:
        """Everybody behind the filter, however many, a few thousand at a time; in no order of use to people."""
        if self.terms and not self.more:
            yield from (hit.person for hit in self._sought)
            return
        chosen = self._rows.filter(self._choice)
        after = 0
        while True:
            if self.terms:
                hits = search(chosen, self.terms, few=False, after=after)
                part = [(hit.id, hit.person) for hit in hits.people]
            else:
                part = list(chosen.filter(id__gt=after).order_by("id").values_list("id", "person")[:LISTED_AT_ONCE])
            if not part:
                return
            yield from (person for _id, person in part)
            after = part[-1][0]

    @property
    def rows(self) -> QuerySet[Listing]:
        """The same in the listing, to be filtered or counted."""
        chosen = self._rows.filter(self._choice)
        return matching(chosen, self.terms) if self.terms else chosen

    def counted_by(self, *columns: str) -> Iterator[tuple[Any, ...]]:
        """How many they are by columns that listing and tally share, the number last; from the tally where that knows."""
        if self.finds_nobody:
            return
        if self._narrowed and not self.terms and columns == CELL_COLUMNS:
            yield from ((*cell, number) for cell, number in self._narrowed.cells.items())
        elif self.terms or self._narrowed or self._cells is None:
            yield from self.rows.order_by().values_list(*columns).annotate(Count("pk"))
        else:
            yield from self._cells.filter(self._choice).order_by().values_list(*columns).annotate(Sum("number"))

    # --- How ---

    @cached_property
    def _everybody(self) -> Numbers:
        if self.finds_nobody:
            return Numbers({}, {}, demanded=False)
        if self.chosen_for:
            return numbers_of_rows(self._rows, self.actor)
        return numbers_for(self.actor, self.company)

    @cached_property
    def _numbers(self) -> Numbers:
        """Of those with the role that is asked for."""
        if not self.role:
            return self._everybody
        return self._everybody.kept(lambda kind: role_of(kind) == self.role)

    @property
    def _rows(self) -> QuerySet[Listing]:
        if self.finds_nobody:
            return Listing.objects.none()
        rows = Listing.objects.filter(scope_of(self.actor))
        if self.chosen_for:
            people = BulkPerson.objects.filter(run=self.chosen_for, person__isnull=False)
            rows = rows.filter(person__in=people.values("person"))
        return rows.filter(company=self.company) if self.company else rows

    @property
    def _cells(self) -> QuerySet[Tally] | None:
        """What adds up to the rows; None where only these can be counted."""
        if self.chosen_for:
            return None
        cells = Tally.objects.filter(scope_of(self.actor))
        return cells.filter(company=self.company) if self.company else cells

    @property
    def _chip(self) -> Chip | None:
        return Chip(self.chosen) if self.chosen else None

    @property
    def _shows_all(self) -> bool:
        """Are deactivated people shown too where no filter is chosen: those found, and those somebody chose?"""
        return bool(self.terms or self.chosen_for) and not self.chosen

    @cached_property
    def _narrowed(self) -> Narrowed | None:
        """The same with all that holds of them beside the filter, if the address says so."""
        if not self.only or self.finds_nobody:
            return None
        demanded = self._numbers.demanded
        ground = Ground(self.actor, self._rows, demanded)

        def meets(cell: Cell) -> bool:
            if self._chip:
                return is_met(self._chip, cell.kind, required=cell.required, demanded=demanded)
            return self._shows_all or Kind.ACTIVE in cell.kind

        conditions = [condition(name, ground) for name in self.only]
        return Narrowed(self._rows, self._cells, self._numbers.people, self.company, meets, conditions)

    @property
    def _choice(self) -> Q:
        """Those behind the filter."""
        return self._chosen_by("kind")

    def _chosen_by(self, column: str) -> Q:
        """The same by the column in which their kind stands."""
        if self._narrowed:
            return self._narrowed.choice(column)
        if self._shows_all:
            return self._anybody if column == "kind" else Q(**{f"{column}__in": list(self._numbers.people)})
        return self._numbers.choice(self._chip, column)

    @property
    def _anybody(self) -> Q:
        """All with a role that the actor sees, or with that which is asked for. Where it is everybody, nothing is counted."""
        if self.role or len(seen_roles(self.actor)) < len(Role):
            return Q(kind__in=list(self._numbers.people))
        return Q()

    @cached_property
    def _demanded(self) -> bool:
        return site_rule.is_on()

    @cached_property
    def _hits(self) -> Hits:
        """Whom the search found, whatever filter is chosen."""
        if self.finds_nobody:
            return Hits([], more=False)
        some = self.company or self.chosen_for
        few = bool(some) and self._numbers.all <= LOOKED_THROUGH
        whole = not (scope_of(self.actor) or some or self._anybody)
        return search(self._rows.filter(self._anybody), self.terms, few=few, whole=whole)

    @cached_property
    def _chosen_hits(self) -> Hits:
        """Whom it found behind the filter: looked for once more where the first of all hits are not all."""
        if not self.chosen and not self.only:
            return self._hits
        if self._narrowed:
            few = self._narrowed.number <= LOOKED_THROUGH
            return search(self._rows.filter(self._choice), self.terms, few=few)
        if self._hits.more:
            few = self._numbers.of(self._chip) <= LOOKED_THROUGH
            return search(self._rows.filter(self._choice), self.terms, few=few)
        chip, found = Chip(self.chosen), self._hits.people
        met = {
            (kind, required)
            for kind, required in {(hit.kind, hit.required) for hit in found}
            if is_met(chip, kind, required=bool(required), demanded=self._demanded)
        }
        return Hits([hit for hit in found if (hit.kind, hit.required) in met], more=False)

    @cached_property
    def _sought(self) -> list[Hit]:
        """The hits in their order: who begins with the words first, where there are others too many to list."""
        hits = self._chosen_hits
        if not hits.more:
            return _in_order(hits.people, self.order)
        first = beginning_with(self._rows.filter(self._choice), self.terms)
        known = {hit.id for hit in first}
        rest = [hit for hit in hits.people if hit.id not in known]
        return [*_in_order(first, self.order), *_in_order(rest, self.order)][:MOST_HITS]

    def _page_of_hits(self) -> PeoplePage:
        found, start = self._sought, 0
        if cursor := self._cursor("after") or self._cursor("before"):
            ids = [hit.person for hit in found]
            if cursor in ids:
                place = ids.index(cursor)
                start = place + 1 if self._cursor("after") else max(place - PAGE_SIZE, 0)
        shown = [hit.person for hit in found[start : start + ONE_MORE]]
        return self._shown(shown, start + 1, earlier=start > 0)

    def _page_of_walk(self) -> PeoplePage:
        number, narrowed = self.number or 0, self._narrowed
        apart = (narrowed.tallied(), narrowed.beside) if narrowed else ()

        def walk(start: Listing | None, *, backwards: bool = False) -> list[UUID]:
            return Walk(self._rows, self._chosen_by, number, start, backwards, *apart).people(self.order)

        if before := row_of(self._cursor("before"), self._rows):
            found = walk(before, backwards=True)
            if len(found) == ONE_MORE:
                return self._shown(found[PAGE_SIZE - 1 :: -1], self._from, earlier=True, later=True)
        elif after := row_of(self._cursor("after"), self._rows):
            return self._shown(walk(after), self._from, earlier=True)
        return self._shown(walk(None), 1, earlier=False)

    def _cursor(self, name: str) -> UUID | None:
        try:
            return UUID(self.asked.get(name, ""))
        except ValueError:
            return None

    @property
    def _from(self) -> int:
        """The place of the first, as the link said that led here."""
        said = self.asked.get("from", "")[:9]
        return max(int(said), 1) if said.isdecimal() else 1

    def _shown(self, ids: list[UUID], first: int, *, earlier: bool, later: bool | None = None) -> PeoplePage:
        shown = list(islice(ids, PAGE_SIZE))
        found = {person.pk: person for person in _listed().ask(*_filled_up(shown))} if shown else {}
        people = [found[pk] for pk in shown if pk in found]
        goes_on = len(ids) > PAGE_SIZE if later is None else later
        return PeoplePage(
            people,
            first,
            earlier=shown[0] if shown and earlier else None,
            later=shown[-1] if shown and goes_on else None,
        )


@cache
def _listed() -> Prepared[User]:
    """As many people as a page has, by their keys, with what they hold and when they were reminded."""
    reminded = Reminder.objects.filter(person=OuterRef("pk")).values("at")
    rows = with_factors(User.objects.get_queryset()).annotate(reminded_at=Subquery(reminded))
    held = ("has_app", "passkey_count", "passkey_requested", "factor_demanded", "reminded_at")
    return Prepared(lambda *keys: rows.filter(pk__in=keys), "company", more=held)


def _filled_up(keys: list[UUID]) -> list[UUID]:
    """As many as the statement has places for: the last once more."""
    return [*keys, *keys[-1:] * (PAGE_SIZE - len(keys))]


def _in_order(hits: list[Hit], order: str) -> list[Hit]:
    """Whoever is deactivated comes last; of equals, by name."""
    found = sorted(hits, key=lambda hit: (hit.kind & ACTIVE == 0, hit.name, hit.id))
    if order == "last":  # the latest first, and who never signed in last
        found.sort(key=lambda hit: (hit.kind & ACTIVE, hit.signed_in or ""), reverse=True)
    elif order == "company":
        found.sort(key=lambda hit: (hit.kind & ACTIVE == 0, hit.company_name or ""))
    return found
