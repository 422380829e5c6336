"""What was done, as somebody may see it: the one way to ask for lines of the audit.

Lists, histories, a company's events and files all ask here, so that what somebody sees is the same everywhere. Lines
are found by key, never counted up to: the databases walk an index from where a page begins, however many lines there
are. Which index that is does not depend on what they guess (`_neutral`, `_in_turn`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from django.db.models import BooleanField, Case, Count, Exists, F, OuterRef, Q, UUIDField, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.roles import seen_roles
from accounts.whereabouts import COMING_AND_GOING, hidden, hide
from audit.acts import EVERYTHING, SUMS, all_but
from audit.models import CREATED_ALONE, OF_A_RUN, OF_NO_RUN, SIGNED_OUT_ALONE, AuditEvent, part_of
from audit.reading import without_what_was_typed
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from uuid import UUID

    from django.db.models import QuerySet

LINES_A_PAGE = 25
LINES_AT_ONCE = 1000  # lines that are in memory while all of them are read
FEW_ACTS = 30
NEWEST = ("-at", "-pk")
OLDEST = ("at", "pk")
SAID_OF_PEOPLE = ("username", "first_name", "last_name", "erased_at")
READ = (
    *("at", "action", "address", "browser", "details", "company__name"),
    *(f"{role}__{name}" for role in ("actor", "subject") for name in SAID_OF_PEOPLE),
)
START = datetime(1970, 1, 1, tzinfo=UTC)
DOTTED = timedelta(microseconds=1)
# In words by which PostgreSQL takes it for true of every other line: it takes "is null" for rare, and sorts what is sorted.
IS_ALONE = Case(When(OF_NO_RUN, then=Value(True)), default=Value(False), output_field=BooleanField())
WITH_SUMS = {Action.SESSIONS_ENDED: SIGNED_OUT_ALONE, Action.USER_CREATED: CREATED_ALONE}
OWN_ACT = Case(When(actor=F("subject"), then=Value(True)), default=Value(False), output_field=BooleanField())


class By(StrEnum):
    """Who acted, where it is nobody in particular."""

    PERSON = "person"  # whom the line is about
    OTHERS = "others"  # somebody else who was signed in
    NOBODY = "nobody"  # m2v itself, or somebody who was not signed in


@dataclass(frozen=True)
class Place:
    """Where a line stands: lines of one moment are told apart by their number."""

    at: datetime
    id: int

    @classmethod
    def read(cls, text: str) -> Place | None:
        """What an address says; None for anything else."""
        moment, dash, number = text.partition("-")
        if not (dash and moment.isascii() and moment.isdecimal() and number.isascii() and number.isdecimal()):
            return None
        try:
            return cls(START + int(moment) * DOTTED, int(number)) if len(number) < 19 else None
        except (OverflowError, ValueError):
            return None

    def __str__(self) -> str:
        return f"{(self.at - START) // DOTTED}-{self.id}"


@dataclass(frozen=True)
class Shown:
    """Lines that are shown at once, the newest first; the places after which earlier, and before which later ones are."""

    lines: list[AuditEvent]
    earlier: Place | None = None
    later: Place | None = None


@dataclass(frozen=True)
class Activity:
    """The lines that `viewer` may see, narrowed. `person` is on whom; `actor` who, by their key or by what they are.

    `since` and what comes after it, up to but not including `until`. `run` is that of an act on many, whose lines alone
    are asked for. `folded`: of such acts, the one line that stands for all is enough, or for those of the company; not of
    those that are not over (`going_on`).
    """

    viewer: User
    person: frozenset[UUID] | None = None
    actor: UUID | By | None = None
    company: UUID | None = None
    acts: frozenset[Action] = field(default=EVERYTHING)
    since: datetime | None = None
    until: datetime | None = None
    run: str = ""
    folded: bool = False
    going_on: tuple[str, ...] = ()

    def narrowed(self, **more: Any) -> Self:
        return replace(self, **more)

    # --- To be read ---

    def newest(self, number: int = 10) -> list[AuditEvent]:
        """The newest lines."""
        return self._shown(self._places(number))

    def page(self, *, after: Place | None = None, before: Place | None = None, size: int = LINES_A_PAGE) -> Shown:
        """The newest lines, those that come `after` a place (earlier ones), or those `before` it (later ones)."""
        if before:
            found = self._places(size + 1, before, backwards=True)
            if len(found) <= size:  # this is where it begins
                return self.page(size=size)
            places, later, earlier = found[:size][::-1], True, True
        else:
            found = self._places(size + 1, after)
            places, later, earlier = found[:size], after is not None, len(found) > size
        if not places:
            return Shown([])
        return Shown(
            self._shown(places),
            earlier=places[-1] if earlier else None,
            later=places[0] if later else None,
        )

    def all(self) -> Iterator[AuditEvent]:
        """Every line, however many, a thousand at a time in memory. What is recorded meanwhile is not among them."""
        places = self._places(LINES_AT_ONCE)
        while places:
            yield from self._shown(places)
            places = self._places(LINES_AT_ONCE, places[-1]) if len(places) == LINES_AT_ONCE else []

    def counts(self, parts: Mapping[str, Activity]) -> dict[str, int]:
        """How many of these lines each part has: one statement, which reads them all. For one person's history."""
        numbers = {key: Count("pk", filter=part.condition) for key, part in parts.items()}
        return dict(self._chosen().alias(own_act=OWN_ACT).aggregate(**numbers))

    def among(self, lines: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Of `lines` those that the viewer may see: for a file that chooses and orders them itself."""
        return self._of_company(lines.filter(self._scope()).exclude(action__in=all_but(self._shown_acts)))

    @property
    def condition(self) -> Q:
        """When, what and by whom, as a condition on a line."""
        condition = Q(action__in=all_but(EVERYTHING - self._shown_acts)) if self._shown_acts != EVERYTHING else Q()
        if self.since:
            condition &= Q(at__gte=self.since)
        if self.actor is By.OTHERS:
            condition &= Q(actor__isnull=False, own_act=False)
        return condition

    # --- How ---

    def _places(self, number: int, start: Place | None = None, *, backwards: bool = False) -> list[Place]:
        """The places of `number` lines, the nearest to `start` first."""
        order = OLDEST if backwards else NEWEST
        parts = self._parts()
        if start:
            side = "gt" if backwards else "lt"
            beyond = Q(**{f"at__{side}": start.at}) | Q(**{f"pk__{side}": start.id})
            parts = [part.filter(beyond, **{f"at__{side}e": start.at}) for part in parts]
        found = _merged([part.order_by(*order) for part in parts], number).order_by(*order)
        return [Place(*place) for place in found.values_list("at", "pk")[:number]]

    def _parts(self) -> list[QuerySet[AuditEvent]]:
        """The lines that are asked for, as those of which each is found by an index; together they are all."""
        lines, acts = self._chosen(), all_but(EVERYTHING - self._shown_acts)
        if self.folded and not (self.actor is By.NOBODY and self._in_turn):  # who acts on many is somebody
            alone = [_alone(lines, act) for act in acts] if self._in_turn else [lines.filter(OF_NO_RUN)]
            without_sum = [
                lines.filter(part_of(run)).exclude(action__in=[*all_but(acts), *SUMS]) for run in self.going_on
            ]
            return [*alone, *without_sum, *self._sums_of_company()]
        if self._in_turn:
            return [lines.filter(action=act) for act in acts]
        by_time = (
            self.person is None and not (self.run or self._companies) and (self.actor in {None, *By} - {By.NOBODY})
        )
        return [lines.filter(OF_NO_RUN), lines.filter(OF_A_RUN)] if by_time else [lines]

    def _sums_of_company(self) -> list[QuerySet[AuditEvent]]:
        """The lines that stand for what an act on many did in the company that is asked for, beside others."""
        if not self._companies or self.actor in {By.NOBODY, By.PERSON}:
            return []
        lines = self.narrowed(actor=None)._chosen()
        if self.actor and not isinstance(self.actor, By):
            lines = _neutral(lines, "actor", self.actor)
        return [lines.filter(OF_A_RUN, action=act) for act in all_but(EVERYTHING - self._shown_acts) if act in SUMS]

    @property
    def _in_turn(self) -> bool:
        """Is each act looked for by itself, by an index that begins with it?

        A rare one would otherwise be looked for among all that happened. One person's lines are few; and of more than
        some acts there are always enough.
        """
        if self.run or (self.folded and self.actor and not isinstance(self.actor, By)):
            return False  # those of an act on many are alike, and what one person did is little beside it
        if self.actor is By.NOBODY:  # else among all the sign-ins that were refused
            return self.person is None and self._shown_acts != EVERYTHING
        return self.person is None and len(self._shown_acts) <= FEW_ACTS

    def _chosen(self) -> QuerySet[AuditEvent]:
        """The lines that are asked for."""
        lines = AuditEvent.objects.filter(self._scope())
        if self.since:
            lines = lines.filter(at__gte=self.since)
        if self.until:
            lines = lines.filter(at__lt=self.until)
        if self.person is not None:
            lines = lines.filter(subject__in=self.person)
        if self.run:
            lines = lines.filter(part_of(self.run))
        if self._shown_acts != EVERYTHING and not self._in_turn:  # "not in", for which no index is used
            lines = lines.exclude(action__in=all_but(self._shown_acts))
        return self._of_company(self._by_actor(lines))

    def _by_actor(self, lines: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        if isinstance(self.actor, By):
            if self.actor is By.NOBODY:
                return lines.filter(actor=None) if self.person is None else _neutral(lines, "actor", None)
            lines = lines.alias(own_act=OWN_ACT)
            if self.actor is By.PERSON:
                return lines.filter(own_act=True)
            return lines.filter(own_act=False, actor__isnull=False)
        if self.actor is None:
            return lines
        return lines.filter(actor=self.actor) if self.person is None else _neutral(lines, "actor", self.actor)

    def _of_company(self, lines: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        by_index = self.person is None and not self.run and (self.actor is None or isinstance(self.actor, By))
        for company in self._companies:
            lines = lines.filter(company=company) if by_index else _neutral(lines, "company", company)
        return lines

    @property
    def _companies(self) -> set[UUID | None]:
        """The company that is asked for, and the viewer's own if that is their scope."""
        asked: set[UUID | None] = {self.company} - {None}
        return asked if self._sees_all or self.viewer.serves_site else asked | {self.viewer.company_id}

    @property
    def _sees_all(self) -> bool:
        """Is nothing of this hidden from the viewer? Of oneself one sees everything."""
        return self.viewer.sees_everybody or self.person == frozenset({self.viewer.pk})

    @property
    def _shown_acts(self) -> frozenset[Action]:
        """Those that are asked for, without the coming and going of others where that is hidden."""
        own = self.person == frozenset({self.viewer.pk})
        return self.acts if own or not hidden(None, self.viewer) else self.acts - COMING_AND_GOING

    def _scope(self) -> Q:
        """What somebody who does not see everybody may read: about their people, by their people, and what was done to
        the company itself, whoever did it."""
        if self._sees_all:
            return Q()
        managed = User.objects.managed_by(self.viewer)
        about, by = (Exists(managed.filter(pk=OuterRef(role))) for role in ("subject", "actor"))
        to_company = Q(action__startswith="company_") | Q(action__in=SUMS, company__isnull=False)
        return Q(about) | (Q(subject=None) & Q(by)) | to_company

    def _as_seen(self, event: Any) -> bool:
        """Have the sum of an act on many count those of a company alone whom the viewer sees; is it about anybody then?"""
        if self._sees_all or event.action not in SUMS or event.actor_managed:
            return True
        roles = event.details.get("roles")
        event.details = {key: event.details[key] for key in SAID_OF_A_SUM if key in event.details}
        if roles is not None:
            event.details["changed"] = sum(roles.get(role, 0) for role in seen_roles(self.viewer))
        return roles is None or event.details["changed"] > 0

    def _shown(self, places: Iterable[Place]) -> list[AuditEvent]:
        """The lines at `places`, newest first."""
        rows = AuditEvent.objects.filter(pk__in=[place.id for place in places]).order_by(*NEWEST)
        return [event for event in seen_by(self.viewer, rows) if self._as_seen(event)]


def seen_by(viewer: User, lines: QuerySet[AuditEvent]) -> list[AuditEvent]:
    """`lines` as `viewer` may see them: without the address and browser of actors whom the viewer does not manage, but
    for acts on the viewer, and without what is no longer shown of people who were erased. All that shows lines asks here.
    """
    managed = User.objects.managed_by(viewer)
    found = (
        lines.select_related("actor", "subject", "company")
        .only(*READ)
        .annotate(
            actor_managed=Exists(managed.filter(pk=OuterRef("actor"))),
            subject_managed=Exists(managed.filter(pk=OuterRef("subject"))),
        )
    )
    events: list[Any] = list(found)
    for event in events:
        if event.actor_id and not event.actor_managed and event.subject_id != viewer.pk:
            event.address, event.browser = None, ""
        hide(event, viewer)
        _leave_out_the_erased(event)
    return events


# What there is to read of the sum of an act by somebody whom one does not see: not what they filtered by, nor their file.
SAID_OF_A_SUM = ("act", "many", "run", "changed")


def _alone(lines: QuerySet[AuditEvent], act: Action) -> QuerySet[AuditEvent]:
    """Of `lines` those of `act` that are no part of an act on many.

    Of those that are done to many they have an index of their own; of the others the index of the act is enough, and
    the words are such that no other is tempting.
    """
    if act in WITH_SUMS:
        return lines.filter(WITH_SUMS[act])
    return lines.filter(IS_ALONE, action=act)


def _merged(parts: list[QuerySet[AuditEvent]], number: int) -> QuerySet[Any]:
    """The first `number` of each part: among them are the first of all. A line may be of two."""
    if len(parts) == 1:
        return parts[0]
    keys = [part.values("pk")[:number] for part in parts]
    rows = [AuditEvent.objects.order_by().filter(pk__in=each).values("at", "pk") for each in keys]
    return rows[0].union(*rows[1:]) if rows else AuditEvent.objects.none()


def _leave_out_the_erased(event: AuditEvent) -> None:
    """Take from `event`, as it is shown, what tells who an erased person was. The row stays as it was sealed."""
    who, about = event.actor or event.subject, event.subject or event.actor
    if who and who.erased_at:
        event.address, event.browser = None, ""
    if about and about.erased_at and event.action != Action.USER_ERASED:
        event.details = without_what_was_typed(event.details)


def _neutral(lines: QuerySet[AuditEvent], column: str, value: UUID | None) -> QuerySet[AuditEvent]:
    """`lines` with this in `column`, without an index on it: another one leads to fewer lines."""
    key = f"{column}_id"
    return lines.alias(**{f"plain_{column}": Coalesce(F(key), F(key), output_field=UUIDField())}).filter(
        **{f"plain_{column}": value}
    )
