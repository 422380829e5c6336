"""A page of the listing, and the one before or after somebody: found where it begins, never counted up to.

Who is few is fetched and sorted; who is many is walked along an index. The tally says which, and how much is fetched:
the database's planner guesses wrong where those sought stand together.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F, OuterRef, Q, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Concat

from companies.models import Company, Listing, Tally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

PAGE_SIZE = 25
ONE_MORE = PAGE_SIZE + 1  # tells whether there is a next page
FEW = 5000
WALKED = "walked_kind"
SMALL = 200  # people of a company that are sorted rather than walked


@dataclass(frozen=True)
class Walk:
    """The listing's rows in an order, from `start` (its end, or after or before somebody), in a direction.

    `choice` says who is shown, by the column in which their kind stands. Where it does not go by their kind alone,
    `tallied` says in which cells of the tally most of them are, and `beside` who may be elsewhere.
    """

    rows: QuerySet[Listing]
    choice: Callable[[str], Q]
    number: int
    start: Listing | None
    backwards: bool = False
    tallied: Q | None = None
    beside: frozenset[UUID] = frozenset()

    def people(self, order: str) -> list[UUID]:
        """Those of one page and one more, the nearest to `start` first."""
        walked = {"company": self._by_company, "last": self._by_sign_in}.get(order, self._by_name)
        return walked()

    @property
    def _few(self) -> bool:
        return self.number <= FEW

    def _chosen(self) -> QuerySet[Listing]:
        if self._few:
            return self.rows.filter(self.choice("kind"))
        return unindexed_kind(self.rows).filter(self.choice(WALKED))

    def _by_name(self) -> list[UUID]:
        rows = self._chosen()
        if self._few:  # sorted by what no index has
            rows = rows.annotate(sorted_by=Concat("name", Value("")))
        key = "sorted_by" if self._few else "name"
        return self._taken(rows.filter(self._beyond("name")), key, "id")

    def _beyond(self, column: str) -> Q:
        """What lies on the far side of `start`, by this column and the id."""
        if self.start is None:
            return Q()
        at, side = getattr(self.start, column), "lt" if self.backwards else "gt"
        beyond = Q(**{f"{column}__{side}": at}) | Q(**{column: at, f"id__{side}": self.start.pk})
        return Q(**{f"{column}__{side}e": at}) & beyond

    def _taken(self, rows: QuerySet[Listing], *order: str, number: int = ONE_MORE) -> list[UUID]:
        turned = [f"-{key}" for key in order] if self.backwards else order
        return list(rows.order_by(*turned).values_list("person", flat=True)[:number])

    def _by_sign_in(self) -> list[UUID]:
        """Who signed in last comes first; those who never did, last, in the order of their ids."""
        chosen, never_is_first = self._chosen(), self.backwards
        parts = [False, True] if not never_is_first else [True, False]
        if self.start is not None:
            parts = parts[parts.index(self.start.last_sign_in_at is None) :]
        found: list[UUID] = []
        for never in parts:
            begun = self.start is not None and never is (self.start.last_sign_in_at is None)
            rows, columns = (chosen.filter(last_sign_in_at=None), ["id"]) if never else (
                chosen.filter(last_sign_in_at__isnull=False), ["last_sign_in_at", "id"])  # fmt: skip
            down = never is self.backwards
            found += self._in_order(rows, columns, down=down, begun=begun)[: ONE_MORE - len(found)]
            if len(found) == ONE_MORE:
                break
        return found

    def _in_order(self, rows: QuerySet[Listing], columns: list[str], *, down: bool, begun: bool) -> list[UUID]:
        """By columns, the greatest first if `down`; from `start` on, if it is among them."""
        if begun:
            assert self.start
            side, first = "lt" if down else "gt", columns[0]
            at = getattr(self.start, first)
            rows = rows.filter(**{f"{first}__{side}{'e' if columns[1:] else ''}": at})
            if columns[1:]:
                rows = rows.filter(Q(**{f"{first}__{side}": at}) | Q(**{first: at, f"id__{side}": self.start.pk}))
        if self._few:  # by what no index has
            unindexed = F("id") + 0 if columns == ["id"] else Coalesce(columns[0], columns[0])
            rows, columns = rows.annotate(sorted_by=unindexed), ["sorted_by", *columns[1:]]
        order = [f"-{column}" if down else column for column in columns]
        return list(rows.order_by(*order).values_list("person", flat=True)[:ONE_MORE])

    # --- By company: one after the other, those without one first ---

    def _by_company(self) -> list[UUID]:
        if self.tallied is not None and self._few:
            return self._sorted_by_company()
        found: list[UUID] = []
        for group in self._companies():
            alone, chosen = len(group) == 1, self._chosen()
            rows = chosen.filter(company=group[0]) if alone else chosen.filter(company__in=group)
            if self.start and group == [self.start.company_id]:
                rows = rows.filter(self._beyond("name"))
            order = ("name", "id") if alone else ("company__name_folded", "name", "id")  # of one company an index
            found += self._taken(rows, *order, number=ONE_MORE - len(found))
            if len(found) == ONE_MORE:
                break
        return found

    def _sorted_by_company(self) -> list[UUID]:
        """Those who are few: fetched, and sorted."""
        rows, column = self._chosen(), F("company__name_folded")
        if self.start is not None:
            here = self.start.company.name_folded if self.start.company else None
            beyond = Q(company=self.start.company_id) & self._beyond("name")
            if here is not None:
                beyond |= Q(**{f"company__name_folded__{'lt' if self.backwards else 'gt'}": here})
            if (here is None) is not self.backwards:
                beyond |= Q(company__isnull=self.backwards)
            rows = rows.filter(beyond)
        first = column.desc(nulls_last=True) if self.backwards else column.asc(nulls_first=True)
        order = ("-name", "-id") if self.backwards else ("name", "id")
        return list(rows.order_by(first, *order).values_list("person", flat=True)[:ONE_MORE])

    def _companies(self) -> Iterator[list[UUID | None]]:
        """The companies to be looked through, in turn: the small ones that fill a page at once."""
        here = self.start.company if self.start else None
        nobodys = self.start is None or here is None or self.backwards
        if not self.backwards and nobodys:
            yield [None]
        if here is not None:
            yield [here.pk]
        if here is not None or not (self.start and self.backwards):
            yield from self._beside(here.name_folded if here else "")
        if self.backwards and nobodys:
            yield [None]

    def _beside(self, here: str) -> Iterator[list[UUID | None]]:
        """Companies on the far side of the one with this name, those together that are looked through together."""
        tallied = self.choice("kind") if self.tallied is None else self.tallied
        people = Tally.objects.filter(tallied, company=OuterRef("pk")).order_by()
        number = Subquery(people.values("company").annotate(sum=Sum("number")).values("sum"))
        there_too = Q(pk__in=Listing.objects.filter(person__in=self.beside).values("company")) if self.beside else Q()
        others = Company.objects.annotate(number=number).filter(Q(number__gt=0) | there_too)
        others = others.order_by("-name_folded" if self.backwards else "name_folded")
        side, goes_on = "lt" if self.backwards else "gt", True
        while goes_on:
            beyond = others.filter(**{f"name_folded__{side}": here}) if here else others
            groups: list[list[UUID | None]] = []
            small, enough, seen = False, 0, 0
            for company, name, found in beyond.values_list("pk", "name_folded", "number")[:ONE_MORE]:
                if small and (found or 0) <= SMALL:
                    groups[-1].append(company)
                else:
                    groups.append([company])
                small, here, seen, enough = (found or 0) <= SMALL, name, seen + 1, enough + (found or 0)
                if enough >= ONE_MORE:
                    break
            yield from groups
            goes_on = enough >= ONE_MORE or seen == ONE_MORE


def unindexed_kind(rows: QuerySet[Listing]) -> QuerySet[Listing]:
    """`rows`, with their kind in a column that no index has: else all of a kind are fetched and sorted for one page."""
    return rows.alias(**{WALKED: F("kind") + 0})


def row_of(person: UUID | None, among: QuerySet[Listing]) -> Listing | None:
    """Where somebody stands in the listing."""
    return among.filter(person=person).select_related("company").first() if person else None
