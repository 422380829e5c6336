"""Administration → Activity: what its address asks for. The address is the whole state of the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts.activity import Activity, By, Place, Shown
from accounts.dates import heading, span
from accounts.models import User
from accounts.permissions import Permission
from accounts.text import fold
from audit.acts import CHANGES, EVERYTHING, GROUP_LABELS, GROUPS, SUMS
from audit.sentences import in_general
from audit.vocabulary import Action
from companies.listing.search import LAST_LETTER, words_in
from companies.models import BulkRun, Company, Import, Listing
from companies.sums import runs_without_sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.http import QueryDict
    from django.utils.functional import _StrPromise as StrPromise

    from audit.models import AuditEvent


MOST_FOUND = 20  # whom a search may find, to have their lines shown
EARLIEST, LATEST = date(1971, 1, 1), date(9998, 12, 31)
RANGE = "range"
TIMES: dict[str, StrPromise] = {
    "today": _("Today"),
    "7": _("Last 7 days"),
    "week": _("Last week"),
    "30": _("Last 30 days"),
    "any": _("Any time"),
    RANGE: _("From … to …"),
}
USUAL_TIME = "7"
ACTORS: dict[str, StrPromise] = {
    By.PERSON: _("By the person"),
    By.OTHERS: _("By an administrator"),
    By.NOBODY: _("By nobody signed in"),
}
CHANGING, EVERY_ACT = "", "all"
# What narrows; the rest says where one is.
NARROWING = ("q", "person", "actor", "company", "act", "time", "from", "to", "run")


class Day(NamedTuple):
    """The lines of a day, and what stands above them."""

    heading: str
    lines: list[AuditEvent]


@dataclass(frozen=True)
class Asked:
    """What was asked for, and what was found. What makes no sense finds nothing, so that no filter is lost unseen."""

    viewer: User
    asked: QueryDict

    # --- Asked ---

    @property
    def words(self) -> str:
        return self.asked.get("q", "")[:200].strip()

    @property
    def act(self) -> str:
        """A group of acts, or a single one; "" for all that changed something."""
        return self.asked.get("act", CHANGING)

    @property
    def time(self) -> str:
        """A name of `TIMES`. Days that are said count where no other time is; a range with neither day is any time."""
        days_said = bool(self.asked.get("from") or self.asked.get("to"))
        said = RANGE if days_said else USUAL_TIME
        asked = self.asked.get("time", said)
        if asked == RANGE and not days_said:
            return "any"
        return asked if asked in TIMES else said

    @cached_property
    def days(self) -> tuple[date | None, date | None]:
        """The first and the last day; None for no end."""
        today = timezone.localdate()
        if self.time == RANGE:
            return _day(self.asked.get("from", "")), _day(self.asked.get("to", ""))
        monday = today - timedelta(days=today.weekday())
        return {
            "today": (today, None),
            "7": (today - timedelta(days=6), None),
            "week": (monday - timedelta(days=7), monday - timedelta(days=1)),
            "30": (today - timedelta(days=29), None),
        }.get(self.time, (None, None))

    @cached_property
    def person(self) -> User | None:
        """About whom alone, by a link."""
        return self._user("person")

    @cached_property
    def actor(self) -> User | None:
        """By whom alone."""
        return None if self.asked.get("actor", "") in ACTORS else self._user("actor")

    @property
    def run(self) -> str:
        """The act on many whose lines alone are shown; none of them are folded then."""
        return self.asked.get("run", "")[:36]

    @cached_property
    def company(self) -> Company | None:
        """Of which company alone: by its id, or its name."""
        asked = self.asked.get("company", "").strip()
        companies = Company.objects.managed_by(self.viewer)
        if not asked:
            return None
        if key := _key(asked):
            return companies.filter(pk=key).first()
        return companies.filter(name_folded=fold(asked[:200].replace("\x00", ""))).first()

    @property
    def scope(self) -> Company | None:
        """Of which company all lines are: the one that is asked for, or the viewer's; None for all of the site."""
        return self.company or (None if self.viewer.serves_site else self.viewer.company)

    @property
    def unknown(self) -> bool:
        """Does it ask for somebody, or something, that does not exist for the viewer?"""
        asked = self.asked
        return (
            (bool(asked.get("person")) and self.person is None)
            or (bool(asked.get("actor")) and asked["actor"] not in ACTORS and self.actor is None)
            or (bool(asked.get("company", "").strip()) and self.company is None)
            or self._acts is None
        )

    # --- Found ---

    @cached_property
    def activity(self) -> Activity | None:
        """The lines; None where nothing can be found."""
        acts = self._acts
        if self.unknown or acts is None or (self.words and not self.people):
            return None
        by = self.asked.get("actor", "")
        first, last = self.days
        people = self.people if self.words else [self.person] if self.person else None
        company = self.company.pk if self.company else None
        if self.run:
            run = _key(self.run)
            return Activity(self.viewer, run=str(run), company=company, acts=acts - SUMS) if run else None
        return Activity(
            self.viewer,
            person=None if people is None else frozenset(person.pk for person in people),
            actor=self.actor.pk if self.actor else By(by) if by else None,
            company=company,
            acts=acts & CHANGES if by == By.OTHERS else acts,
            since=_begin(first) if first else None,
            until=_begin(last + timedelta(days=1)) if last else None,
            folded=people is None and bool(acts & SUMS),
            going_on=runs_without_sum(),
        )

    @cached_property
    def page(self) -> Shown:
        """The page asked for."""
        if self.activity is None:
            return Shown([])
        places = (Place.read(self.asked.get(name, "")) for name in ("after", "before"))
        after, before = places
        return self.activity.page(after=after, before=before)

    @cached_property
    def by_day(self) -> list[Day]:
        """The same, day by day."""
        lines: list[Any] = self.page.lines
        for line in lines:
            line.result = self._result_of(line)
        days = groupby(lines, key=lambda line: timezone.localtime(line.at).date())
        return [Day(heading(day), list(lines)) for day, lines in days]

    @property
    def spanned(self) -> str:
        """From when to when the page is."""
        lines = self.page.lines
        return span(lines[-1].at, lines[0].at) if lines else ""

    @cached_property
    def people(self) -> list[User]:
        """Whom the words find, at most some; `too_many` says that there are more."""
        return self._found[:MOST_FOUND]

    @property
    def too_many(self) -> bool:
        return len(self._found) > MOST_FOUND

    # --- To choose from ---

    @property
    def chips(self) -> list[tuple[str, StrPromise | str]]:
        """Groups of acts."""
        chips: list[tuple[str, StrPromise | str]] = [
            (CHANGING, _("All but logins")),
            *GROUP_LABELS.items(),
            (EVERY_ACT, _("All")),
        ]
        return chips if self._single is None else [*chips, (self._single, in_general(self._single))]

    @property
    def acts(self) -> list[tuple[Action, str]]:
        """Single acts, by what they say."""
        return sorted(((act, str(in_general(act))) for act in Action), key=lambda pair: fold(pair[1].lstrip("… ")))

    @property
    def times(self) -> list[tuple[str, StrPromise]]:
        """Times; "From … to …" where it is what was asked for."""
        return [(key, name) for key, name in TIMES.items() if key != RANGE or self.time == RANGE]

    @property
    def actors(self) -> list[tuple[str, StrPromise | str]]:
        """Who may have acted."""
        somebody: list[tuple[str, StrPromise | str]] = []
        if self.actor:
            somebody = [(str(self.actor.pk), str(_("By {name}")).format(name=self.actor.get_full_name()))]
        return [("", _("By anybody")), *somebody, *ACTORS.items()]

    @property
    def chosen_actor(self) -> str:
        return self.asked.get("actor", "")

    @property
    def narrowed(self) -> bool:
        """Was more asked for than what the page begins with?"""
        return any(self.asked.get(name) for name in NARROWING)

    @property
    def by(self) -> str:
        """The beginning of the address of what somebody did, at the same time."""
        kept = {name: self.asked[name] for name in ("company", "time", "from", "to") if self.asked.get(name)}
        return "?" + urlencode({**kept, "actor": ""})

    @property
    def filters(self) -> Mapping[str, str]:
        """What was asked for, as it stands in the audit when it is exported."""
        return {name: said[:200] for name in NARROWING if (said := self.asked.get(name, ""))}

    # --- How ---

    def _result_of(self, line: AuditEvent) -> str:
        """The page of an act on many or of an import, for whoever did it and as long as it is there; "" for all else."""
        if line.actor_id != self.viewer.pk or (key := _work_of(line)) not in self._own_work:
            return ""
        return reverse(self._own_work[key], args=[key])

    @cached_property
    def _own_work(self) -> dict[UUID, str]:
        """Of the acts on many and the imports that stand on this page, those that the viewer can look at, and where."""
        keys = {key for line in self.page.lines if (key := _work_of(line))}
        pages: dict[str, tuple[Any, Permission]] = {
            "settings:bulk_run": (BulkRun, Permission.BULK),
            "settings:user_import_file": (Import, Permission.IMPORT),
        }
        return {
            key: page
            for page, (work, needs) in pages.items()
            if keys and needs in self.viewer.permissions
            for key in work.objects.filter(pk__in=keys, owner=self.viewer.pk).values_list("pk", flat=True)
        }

    @property
    def _single(self) -> Action | None:
        return Action(self.act) if self.act in list(Action) else None

    @property
    def _acts(self) -> frozenset[Action] | None:
        if self.act in GROUPS:
            return GROUPS[self.act]  # type: ignore[index]  # its values are in it
        if self._single:
            return frozenset({self._single})
        return {CHANGING: CHANGES, EVERY_ACT: EVERYTHING}.get(self.act)

    def _user(self, name: str) -> User | None:
        key = _key(self.asked.get(name, ""))
        return User.objects.managed_by(self.viewer).filter(pk=key).first() if key else None

    @cached_property
    def _found(self) -> list[User]:
        """Those whom all the words find, one more than are shown; whoever is called exactly so, alone."""
        managed = User.objects.managed_by(self.viewer)
        if exact := managed.named(self.words):
            return [exact]
        condition = Q()
        words = words_in(self.words)
        for word in words:
            begins = Q(name__gte=f" {word}", name__lt=f" {word}{LAST_LETTER}")
            condition &= Q(text__holds=word if len(word) > 2 else f" {word}") if len(word) > 1 else begins
        rows: Any = Listing.objects.filter(condition)
        if not self.viewer.serves_site:
            rows = rows.filter(company=self.viewer.company_id)
        keys = list(rows.values_list("person", flat=True)[: MOST_FOUND + 1]) if words else []
        return list(managed.filter(pk__in=keys))


def _work_of(line: AuditEvent) -> UUID | None:
    """The act on many, or the import, that a line is the sum of, or says that it was given up."""
    if line.action not in {Action.MANY_ACTED_ON, Action.USERS_IMPORTED, Action.WORK_GIVEN_UP}:
        return None
    return _key(str(line.details.get("many") or line.details.get("work", "")))


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _day(text: str) -> date | None:
    """A day as a form sends it; None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return min(max(day, EARLIEST), LATEST)


def _begin(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))
