"""How many people there are of which kind: what the numbers beside filters are added up from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.db.models import Count, Q, Sum
from django.utils.functional import SimpleLazyObject

from accounts import site_rule
from accounts.roles import seen_roles, serves_site
from companies.listing.kinds import Chip, Kind, is_met, met_by, role_of
from companies.models import Tally, Total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User
    from companies.models import Company, Listing

ACTIVE = int(Kind.ACTIVE)  # of a thousand kinds at once, for which a flag takes ten times as long
# Of these it is the company's rule that says whether they are asked.
UNDECIDED = Kind.ACTIVE | Kind.APP | Kind.OWN_SWITCH


@dataclass(frozen=True)
class Numbers:
    """People of each kind, and those among them whose company requires 2FA (of undecided kinds only).

    `required` is asked for where a number needs it; who is meant (`choice`) never does.
    `demanded`: the site demands a factor of everybody who opens the Settings app.
    """

    people: dict[int, int]
    required: Mapping[int, int]
    demanded: bool

    @property
    def all(self) -> int:
        """How many there are, deactivated people too."""
        return sum(self.people.values())

    def of(self, chip: Chip | None) -> int:
        """How many meet `chip`; without one, all who are active."""
        return sum(self._of_kind(kind, chip) for kind in self.people)

    def of_each(self) -> dict[str, int]:
        """The same for every chip, and for "all"."""
        found: dict[str, int] = dict.fromkeys(Chip, 0) | {"all": self.of(None)}
        for kind, number in self.people.items():
            required = self.required.get(kind, 0)
            for those, rule in ((required, True), (number - required, False)):
                for chip in met_by(kind, required=rule, demanded=self.demanded) if those else ():
                    found[chip] += those
        return found

    def kept(self, keep: Callable[[int], bool]) -> Numbers:
        """The same of the kinds that are to be kept."""
        return Numbers(
            {kind: number for kind, number in self.people.items() if keep(kind)},
            _when_needed(lambda: {kind: number for kind, number in self.required.items() if keep(kind)}),
            self.demanded,
        )

    def choice(self, chip: Chip | None, column: str = "kind") -> Q:
        """Those in the listing or the tally who meet `chip`, by this column; without one, all who are active."""
        kinds = list(self.people)
        if chip is None:
            return Q(**{f"{column}__in": [kind for kind in kinds if kind & ACTIVE]})
        met = {
            rule: {kind for kind in kinds if is_met(chip, kind, required=rule, demanded=self.demanded)}
            for rule in (True, False)
        }
        chosen = Q(**{f"{column}__in": sorted(met[True] & met[False])})
        requires = Q(company__two_factor_enabled=True)
        if by_rule := sorted(met[True] - met[False]):
            chosen |= Q(**{f"{column}__in": by_rule}) & requires
        if without := sorted(met[False] - met[True]):
            chosen |= Q(**{f"{column}__in": without}) & ~requires
        return chosen

    def _of_kind(self, kind: int, chip: Chip | None) -> int:
        if chip is None:
            return self.people[kind] if kind & ACTIVE else 0
        required = self.required.get(kind, 0)
        by_rule = required if is_met(chip, kind, required=True, demanded=self.demanded) else 0
        others = self.people[kind] - required
        return by_rule + (others if is_met(chip, kind, required=False, demanded=self.demanded) else 0)


def scope_of(actor: User) -> Q:
    """The companies that `actor` sees, in the listing and the tally. Their roles are a matter of the kinds."""
    if actor.is_shut_out or not actor.opens_settings:
        return Q(pk__in=())
    if serves_site(actor):
        return Q()
    return Q(company=actor.company_id) if actor.company_id else Q(pk__in=())


def numbers_for(actor: User, company: Company | None) -> Numbers:
    """All whom `actor` sees, or those of them in `company`: three statements at most, however many they are."""
    roles = seen_roles(actor)
    scope = scope_of(actor)
    cells = Tally.objects.filter(scope, *([Q(company=company)] if company else []))
    everywhere = not (scope or company)
    return _numbers(cells, company, lambda kind: role_of(kind) in roles, everywhere=everywhere)


def numbers_of_rows(rows: QuerySet[Listing], actor: User) -> Numbers:
    """The same of these `rows`, which are few, as far as `actor` sees them."""
    roles, people, required = seen_roles(actor), Counter[int](), Counter[int]()
    counted = rows.order_by().values_list("kind", "company__two_factor_enabled").annotate(Count("pk"))
    for kind, requires, number in counted:
        if role_of(kind) in roles:
            people[kind] += number
            required[kind] += number if requires else 0
    return Numbers(people, required, site_rule.is_on())


def numbers_of_everybody() -> Numbers:
    """The same of all there are, for those who watch the site and see nobody."""
    return _numbers(Tally.objects.all(), None, lambda _kind: True, everywhere=True)


def _numbers(
    cells: QuerySet[Tally], company: Company | None, keep: Callable[[int], bool], *, everywhere: bool
) -> Numbers:
    """Added up from `cells`, which `everywhere` are all there are."""
    sums = _added_up(Total.objects.all() if everywhere else cells)
    people = {kind: number for kind, number in sums.items() if keep(kind)}
    undecided = [kind for kind in people if kind & UNDECIDED == Kind.ACTIVE]

    def required() -> dict[int, int]:
        found = _added_up(cells.filter(company__two_factor_enabled=True, kind__in=undecided))
        # Asked a moment later, between which somebody may have been changed: never more than there are.
        return {kind: min(number, people[kind]) for kind, number in found.items()}

    if company:
        theirs = {kind: people[kind] for kind in undecided} if company.two_factor_enabled else {}
        return Numbers(people, theirs, site_rule.is_on())
    return Numbers(people, _when_needed(required), site_rule.is_on())


def _when_needed(ask: Callable[[], dict[int, int]]) -> Mapping[int, int]:
    return cast("Mapping[int, int]", SimpleLazyObject(ask))


def numbers_by_company(actor: User, companies: Iterable[Company], *, demanded: bool) -> dict[UUID, Numbers]:
    """The same for each of `companies`: one statement. Whether the site demands a factor is known to who asks for many."""
    roles = seen_roles(actor)
    people: dict[UUID, dict[int, int]] = {company.pk: {} for company in companies}
    cells = Tally.objects.filter(scope_of(actor), company__in=list(people)).order_by()
    for company, kind, number in cells.values_list("company", "kind").annotate(Sum("number")):
        if role_of(kind) in roles and number:
            people[company][kind] = number
    return {
        company.pk: Numbers(people[company.pk], people[company.pk] if company.two_factor_enabled else {}, demanded)
        for company in companies
    }


def _added_up(cells: QuerySet[Tally] | QuerySet[Total]) -> dict[int, int]:
    sums = cells.order_by().values_list("kind").annotate(Sum("number"))
    return {kind: number for kind, number in sums if number}
