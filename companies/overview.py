"""The Settings app's first page: what needs attention, how far people got, and who is furthest behind.

Everything is read from numbers that are kept, so that it costs the same however many people there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode

from django.db.models import Case, F, FloatField, Func, IntegerField, Sum, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _later
from django.utils.translation import ngettext

from accounts.models import Role, User
from accounts.roles import seen_roles
from companies.administrators import Administrators
from companies.listing.kinds import ROLES, Chip, Kind
from companies.listing.leads import Leads, people_of
from companies.listing.narrowed import kept_out
from companies.listing.narrowing import NO_APP, NOT_ME
from companies.listing.numbers import numbers_by_company, numbers_for, scope_of
from companies.models import Company, Listing, Snapshot, Tally
from companies.queries import Coverage
from companies.queue import Queue, queue
from companies.snapshots.reading import Past, covered

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable
    from uuid import UUID

    from django.utils.functional import _StrPromise as StrPromise

    from companies.listing.kinds import Cell

FURTHEST = 5
CHANGE_DAYS = 28


class Matter(NamedTuple):
    """Something that needs attention: how many people or mails it is about, the link to just these people, and a word
    about it.
    """

    icon: str
    style: str
    number: int
    text: str
    hint: StrPromise | str
    link: str


class LaggingCompany(NamedTuple):
    """A company some of whose people are not set up. `before`: the percentage four weeks ago, if it was kept."""

    company: Company
    coverage: Coverage
    before: int | None
    left: str  # the link to those who are left
    leads: Leads

    @property
    def change(self) -> int:
        """By how many points the share grew."""
        return self.coverage.percent - self.before if self.before is not None else 0


KEPT_OUT = "now.stuck"  # of companies.listing.narrowing
# Of each filter: icon, style, words behind the number, and a hint; the worst first.
MATTERS: list[tuple[str, str, str, Callable[[int], str], StrPromise | str]] = [
    (
        Chip.LOCKED,
        "lock-closed",
        "icon bad",
        lambda number: ngettext("account is locked", "accounts are locked", number),
        _later("They can sign in again once an administrator lets them in."),
    ),
    (
        KEPT_OUT,
        "no-symbol",
        "icon bad",
        lambda number: ngettext(
            "person cannot get in at the next login before an access pass is given",
            "people cannot get in at their next login before an access pass is given to each",
            number,
        ),
        _later("The first set-up demands one. Give it from the user’s page."),
    ),
    (
        Chip.ONE_WAY,
        "exclamation-triangle",
        "icon wait",
        lambda number: ngettext("person has only one way in", "people have only one way in", number),
        _later("If it is lost, they need an access pass."),
    ),
    (
        Chip.FEW_CODES,
        "lifebuoy",
        "icon wait",
        lambda number: ngettext(
            "person has two recovery codes left, one or none",
            "people have two recovery codes left, one or none",
            number,
        ),
        _later("They can make new ones in their user settings."),
    ),
    (
        Chip.ASKED,
        "clock",
        "icon wait",
        lambda number: ngettext("person will be asked", "people will be asked", number),
        _later("At their next login they set two-factor authentication up."),
    ),
    (
        Chip.NEVER,
        "user",
        "icon",
        lambda number: ngettext("person has never signed in", "people have never signed in", number),
        _later("They were invited or given a password, and have not used it."),
    ),
    (
        Chip.REQUESTED,
        "finger-print",
        "icon",
        lambda number: ngettext("passkey request is open", "passkey requests are open", number),
        _later("They are asked at each login until they have a passkey."),
    ),
]


@dataclass(frozen=True)
class Overview:
    """What the first page says to `viewer`."""

    viewer: User

    @property
    def without_two_factor(self) -> str:
        """The list of those who have not set it up, asked or not."""
        return Leads({}, (NO_APP,)).everybody

    @cached_property
    def administrators(self) -> Administrators:
        return Administrators(self.viewer, self._numbers, self._kept_out)

    @cached_property
    def _kept_out(self) -> Counter[Cell]:
        return kept_out(self.viewer, self._numbers)

    @cached_property
    def coverage(self) -> Coverage:
        return Coverage.of(self._numbers)

    @cached_property
    def _numbers(self) -> Any:
        return numbers_for(self.viewer, None)

    @cached_property
    def past(self) -> Past:
        return Past(self.viewer, self.coverage)

    @cached_property
    def company_count(self) -> int:
        return Company.objects.managed_by(self.viewer).count()

    @property
    def is_new(self) -> bool:
        """Is nobody here yet but the viewer?"""
        return self.coverage.all <= 1 and not self.company_count

    # --- What needs attention ---

    @cached_property
    def matters(self) -> list[Matter]:
        """What somebody should look at, the worst first."""
        out = self._kept_out.total()
        count = self.coverage.counts | {KEPT_OUT: out, Chip.ASKED: self.coverage.asked - out}
        lists = {each: _list(each) for each in Chip} | {KEPT_OUT: Leads({}).to(KEPT_OUT)}
        if out:
            lists[Chip.ASKED] = Leads({}).to("now.asked")
        found = [
            Matter(icon, style, count[whom], counted(count[whom]), hint, lists[whom])
            for whom, icon, style, counted, hint in MATTERS
        ]
        found.insert(1, self._said_it_was_not_them())  # they are of those who are locked
        return [*self._about_mail(), *(matter for matter in found if matter.number)]

    def _about_mail(self) -> list[Matter]:
        """Mail that waits for too long or was given up."""
        return [*_mail_that_waits(self.queue), *_mail_given_up(self.queue)] if self.queue else []

    @cached_property
    def queue(self) -> Queue | None:
        """What waits, said to those who can look at the server's log, or have somebody do so."""
        return queue() if self.viewer.role == Role.ADMINISTRATOR else None

    def _said_it_was_not_them(self) -> Matter:
        """How many of those who are locked said "This wasn't me"."""
        locked = Listing.objects.filter(scope_of(self.viewer), self._numbers.choice(Chip.LOCKED)).values("person")
        said = User.objects.managed_by(self.viewer).filter(pk__in=locked, locked_by=None).count()
        text = ngettext("person said “This wasn’t me”", "people said “This wasn’t me”", said)
        hint = _("Talk to them before anything else: somebody may have been in their account.")
        return Matter("hand-raised", "icon bad", said, text, hint, Leads({}).to(NOT_ME))

    # --- Who is furthest behind ---

    @cached_property
    def behind(self) -> list[LaggingCompany]:
        """The companies with the smallest share of people who are set up, of equals the larger first."""
        ids = [row["company"] for row in self._ranked()[:FURTHEST]]
        found = Company.objects.in_bulk(ids)
        companies = [found[pk] for pk in ids if pk in found]
        numbers = numbers_by_company(self.viewer, companies, demanded=self._numbers.demanded)
        before = self._before(ids)
        return [
            LaggingCompany(
                company, coverage, before.get(company.pk), _who_is_left(company, coverage), people_of(company)
            )
            for company in companies
            for coverage in [Coverage.of(numbers[company.pk])]
        ]

    def _ranked(self) -> Any:
        unseen = Kind(sum(bit for role, bit in ROLES.items() if role not in seen_roles(self.viewer)))
        active, app = Kind.ACTIVE, Kind.ACTIVE | Kind.APP
        # No kinds are left out beforehand: PostgreSQL would expect hardly any rows then, and sort all there are.
        cells = Tally.objects.filter(scope_of(self.viewer), company__isnull=False).order_by()
        cells = cells.annotate(
            active=F("kind").bitand(_literally(active | unseen)),
            app=F("kind").bitand(_literally(app | unseen)),
        )
        people = Sum(Case(When(active=_literally(active), then="number"), default=_literally(0)))
        done = Sum(Case(When(app=_literally(app), then="number"), default=_literally(0)))
        ranked = cells.values("company").annotate(people=people, done=done).filter(people__gt=F("done"))
        return ranked.annotate(share=Cast("done", FloatField()) / F("people")).order_by("share", "-people", "company")

    def _before(self, ids: list[UUID]) -> dict[UUID, int]:
        """The percentages of these companies four weeks ago."""
        day = timezone.localdate() - timedelta(days=CHANGE_DAYS)
        rows = Snapshot.objects.filter(day=day, company__in=ids)
        return {row.company_id: covered(row, self.viewer).percent for row in rows if row.company_id}


def _literally(number: int) -> Any:  # the stubs let bits meet numbers alone
    """A number that stands in the statement itself. With parameters in them SQLite takes no two sums for the same, and adds
    up all of the tally each time that one is named.
    """
    return Func(template=str(int(number)), output_field=IntegerField())


def _mail_that_waits(queue: Queue) -> list[Matter]:
    waiting = queue.mail
    if not waiting.too_long:
        return []
    text = ngettext("mail waits to be delivered", "mails wait to be delivered", waiting.number)
    hint = ngettext(
        "The first has waited for {number} minute. The mail server or the worker may be down: see the log.",
        "The first has waited for {number} minutes. The mail server or the worker may be down: see the log.",
        waiting.minutes,
    ).format(number=waiting.minutes)
    return [Matter("envelope", "icon bad", waiting.number, text, hint, "")]


def _mail_given_up(queue: Queue) -> list[Matter]:
    if not (number := queue.failed):
        return []
    text = ngettext("mail was not delivered", "mails were not delivered", number)
    hint = _("The mail server refused them for good, or for three days. The log says which, and why.")
    return [Matter("envelope", "icon wait", number, text, hint, "")]


def _list(chip: Chip, **more: str) -> str:
    return f"{reverse('settings:users')}?{urlencode({**more, 'show': chip})}"


def _who_is_left(company: Company, coverage: Coverage) -> str:
    """The list of those who are asked and not set up; where nobody is asked, of those who are not."""
    return _list(Chip.ASKED if coverage.asked else Chip.OFF, company=str(company.pk))
