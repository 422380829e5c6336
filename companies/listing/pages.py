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
    from collections.abc import Callable
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

    `choice` says who is shown, by the column in which their kind stands.
    """

    rows: QuerySet[Listing]
    choice: Callable[[str], Q]
    number: int
    start: Listing | None
    backwards: bool = False

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

    def _companies(self) -> list[list[UUID | None]]:
        """The companies to be looked through, in turn: the small ones that fill a page at once."""
        own: list[list[UUID | None]] = [[self.start.company_id]] if self.start else []
        here = self.start.company if self.start else None
        others = Company.objects.annotate(
            number=Subquery(
                Tally.objects.filter(self.choice("kind"), company=OuterRef("pk"))
                .order_by()
                .values("company")
                .annotate(sum=Sum("number"))
                .values("sum")
            )
        ).filter(number__gt=0)
        if here is not None:
            others = others.filter(**{f"name_folded__{'lt' if self.backwards else 'gt'}": here.name_folded})
        elif self.start and self.backwards:
            others = others.none()
        others = others.order_by("-name_folded" if self.backwards else "name_folded")
        groups: list[list[UUID | None]] = []
        small, number = False, 0
        for company, people in others.values_list("pk", "number")[:ONE_MORE]:
            if small and people <= SMALL:
                groups[-1].append(company)
            else:
                groups.append([company])
            small, number = people <= SMALL, number + people
            if number >= ONE_MORE:
                break
        alone = self.start is None or (here is not None and self.backwards)
        nobodys: list[list[UUID | None]] = [[None]] if alone else []
        return [*own, *groups, *nobodys] if self.backwards else [*nobodys, *own, *groups]


def unindexed_kind(rows: QuerySet[Listing]) -> QuerySet[Listing]:
    """`rows`, with their kind in a column that no index has: else all of a kind are fetched and sorted for one page."""
    return rows.alias(**{WALKED: F("kind") + 0})


def row_of(person: UUID | None, among: QuerySet[Listing]) -> Listing | None:
    """Where somebody stands in the listing."""
    return among.filter(person=person).select_related("company").first() if person else None
