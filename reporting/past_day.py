"""A day as an auditor asks for it: how things stood with everybody at its end, worked out from the audit, and held against
what was counted that night."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from accounts.models import User
from accounts.permissions import Permission
from accounts.roles import seen_roles
from audit.recording import record
from audit.vocabulary import Action
from companies.exports import STATES, each_person, role_names
from companies.listing.kinds import OPENS_SETTINGS, Chip, Kind, is_met, role_of
from companies.listing.numbers import Numbers
from companies.models import Company, Snapshot
from companies.queries import Coverage
from mfa.queries import State
from reporting.activity_files import hold_reader
from reporting.past import (
    PastPerson,
    as_they_were,
    changed_since,
    demanded_at,
    exact_from,
    moved_out,
    names_at,
    numbers_at,
    requiring_at,
)
from reporting.taking import end_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from uuid import UUID

    from django.utils.functional import _StrPromise as StrPromise

    from accounts.models import UserQuerySet

    Cells = Mapping[tuple[UUID | None, int], int]

MOST_CHANGED = 20_000  # people since, for whom a page waits
MOST_COMPANIES = 100  # on the page; the file has everybody
EARLIEST_DAY = date(1971, 1, 1)
OF_A_PAST_PERSON = (
    gettext_noop("user name"), gettext_noop("first name"), gettext_noop("last name"), gettext_noop("company"),
    gettext_noop("role"), gettext_noop("account"), gettext_noop("two-factor authentication"),
    gettext_noop("required by"), gettext_noop("authenticator app"), gettext_noop("passkeys"),
    gettext_noop("passkey requested"), gettext_noop("as the audit says"),
)  # fmt: skip


class CompanyThen(NamedTuple):
    """What a company was called, and how far its people were; None for people without one."""

    name: str | None
    coverage: Coverage


FACTS = {
    Chip.PASSKEY: _("with a passkey"),
    Chip.REQUESTED: _("asked for a passkey"),
    Chip.LOCKED: _("locked"),
    Chip.INACTIVE: _("deactivated"),
}


@dataclass(frozen=True)
class PastDay:
    """How things stood at the end of `asked`, as far as `viewer` may see it; of yesterday, if that is no day that is over."""

    viewer: User
    asked: str

    @cached_property
    def day(self) -> date:
        yesterday = timezone.localdate() - timedelta(days=1)
        try:
            day = date.fromisoformat(self.asked)
        except ValueError:
            return yesterday
        return day if EARLIEST_DAY <= day <= yesterday else yesterday

    @property
    def is_another(self) -> bool:
        """Was a day asked for that is none, or not over?"""
        return bool(self.asked) and self.asked != self.day.isoformat()

    @property
    def last(self) -> date:
        """The last day that can be asked for."""
        return timezone.localdate() - timedelta(days=1)

    @cached_property
    def moment(self) -> datetime:
        """The end of the day, or when its numbers were kept where that was before."""
        return self._kept[0].until if self._kept else end_of(self.day)

    @property
    def scope(self) -> Company | None:
        """The company that it is about; None for the whole site."""
        return None if self.viewer.serves_site else self.viewer.company

    @property
    def _company_id(self) -> UUID | None:
        return self.scope.pk if self.scope else None

    # --- Numbers ---

    @cached_property
    def _kept(self) -> list[Snapshot]:
        """What was kept of the day; the row of all people says that something was."""
        rows = Snapshot.objects.filter(day=self.day).order_by("pk")
        return list(rows.filter(Q(company=self._company_id) | Q(whole=True)) if self.scope else rows)

    @cached_property
    def cells(self) -> Cells:
        """How many people of each kind each company had: worked out, or as it was kept where too much happened since."""
        return self._kept_cells if self.is_too_much else numbers_at(self.moment, self._company_id)

    @cached_property
    def is_too_much(self) -> bool:
        """Did more people change since than a page can wait for?"""
        return len(changed_since(self.moment, self._company_id)) > MOST_CHANGED

    @property
    def _kept_cells(self) -> Cells:
        rows = [row for row in self._kept if not row.whole]
        return {(row.company_id, int(kind)): number for row in rows for kind, (number, _) in row.kinds.items()}

    @property
    def was_kept(self) -> bool:
        return bool(self._kept)

    @property
    def agrees(self) -> bool:
        """Is what is worked out what was counted that night?"""
        return dict(self.cells) == self._kept_cells

    @cached_property
    def exact_from(self) -> datetime | None:
        return exact_from(self.moment)

    @cached_property
    def _requiring(self) -> set[UUID]:
        return requiring_at(self.moment)

    @cached_property
    def demanded(self) -> bool:
        return demanded_at(self.moment)

    @cached_property
    def _by_company(self) -> dict[UUID | None, Numbers]:
        roles = seen_roles(self.viewer)
        people: dict[UUID | None, dict[int, int]] = defaultdict(dict)
        for (company, kind), number in self.cells.items():
            if role_of(kind) in roles:
                people[company][kind] = number
        return {
            company: Numbers(kinds, kinds if company in self._requiring else {}, self.demanded)
            for company, kinds in people.items()
        }

    @cached_property
    def all_numbers(self) -> Numbers:
        people: Counter[int] = Counter()
        required: Counter[int] = Counter()
        for numbers in self._by_company.values():
            people.update(numbers.people)
            required.update(numbers.required)
        return Numbers(people, required, self.demanded)

    @cached_property
    def coverage(self) -> Coverage:
        return Coverage.of(self.all_numbers)

    @property
    def facts(self) -> list[tuple[StrPromise, int]]:
        """How many there were of some other kinds."""
        numbers = self.all_numbers
        return [(words, numbers.of(chip)) for chip, words in FACTS.items()]

    @cached_property
    def companies(self) -> list[CompanyThen]:
        """Each company, those with the most people first, and last those without one."""
        found = [(company, Coverage.of(numbers)) for company, numbers in self._by_company.items()]
        found.sort(key=lambda pair: (pair[0] is None, -pair[1].all))
        shown = found[:MOST_COMPANIES]
        return [CompanyThen(self._names.get(company) if company else None, coverage) for company, coverage in shown]

    @cached_property
    def _names(self) -> Mapping[UUID, str]:
        return names_at(self.moment)

    @property
    def more(self) -> int:
        """How many companies are not shown."""
        return max(len(self._by_company) - MOST_COMPANIES, 0)

    # --- Everybody ---

    def rows(self) -> Iterator[list[str | int]]:
        """A row of `OF_A_PAST_PERSON` for everybody who was there, read while it is sent."""
        roles, scope = seen_roles(self.viewer), self._company_id
        for past in as_they_were(each_person(self._people()), self.moment):
            if past.there and past.values["role"] in roles and (scope is None or past.company_id == scope):
                yield self._row(past)

    def _people(self) -> UserQuerySet:
        everybody = User.objects.get_queryset()
        if self._company_id is None:
            return everybody
        left = moved_out(self._company_id, self.moment).values("subject")
        return everybody.filter(Q(company=self._company_id) | Q(pk__in=left))

    def _row(self, past: PastPerson) -> list[str | int]:
        kind, had = past.kind, past.values
        by_company = past.company_id in self._requiring
        by_site = bool(self.demanded and kind & OPENS_SETTINGS and not kind & Kind.PASSKEY)
        required = {"person": had["two_factor_enabled"], "company": by_company, "site": by_site}
        whose = {"required": by_company, "demanded": self.demanded} if had["is_active"] else {"required": False}
        kind = kind if had["is_active"] else kind & Kind.APP  # whoever is deactivated is asked for nothing
        asked = {chip: is_met(chip, kind | Kind.ACTIVE, **whose) for chip in STATE_OF}
        return [
            had["username"],
            had["first_name"],
            had["last_name"],
            self._names.get(past.company_id, "") if past.company_id else "",
            role_names()[had["role"]],
            "deactivated" if not had["is_active"] else "locked" if had["locked"] else "active",
            STATES[next(STATE_OF[chip] for chip, holds in asked.items() if holds)],
            " and ".join(by for by, holds in required.items() if holds),
            "yes" if had["authenticator_apps"] else "no",
            had["passkeys"],
            "yes" if had["requests"] else "no",
            "no: changed past the product" if not past.fits else "yes" if past.exact else "as far as it says",
        ]


STATE_OF = {Chip.SET_UP: State.SET_UP, Chip.ASKED: State.ASKED, Chip.OFF: State.OFF}


@transaction.atomic
def record_past_day(day: date, *, company: Company | None, actor: User) -> None:
    """Put on record that `actor` takes the list of everybody as they were on that day: of `company`, or of the site.

    Raises OutOfReach for what is not theirs any more.
    """
    hold_reader(company, actor=actor, needs=Permission.EXPORT)
    name = f"User, {day.isoformat()}"
    record(Action.LIST_EXPORTED, actor=actor, company=company, name=name, filters={"day": day.isoformat()})
