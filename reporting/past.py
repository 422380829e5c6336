"""What was true of people at a moment that is over: what is true now, with every later line of the audit undone.

Each act that changes a person's state has in its line what it changed, before and after (`changes`). Undone from the
newest back, the lines lead to the state at any moment. Where one says "after" what does not hold, something was changed
past all acts: such a person does not `fit`.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import batched, groupby, islice
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db.models import Q, Sum

from accounts import site_rule
from accounts.models import Role, User
from accounts.one_moment import one_moment
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.listing.kinds import OPENS_SETTINGS, ROLES, Kind
from companies.models import Company, Tally
from mfa.queries import with_factors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

PEOPLE_AT_ONCE = 500
# What can be worked out. Recovery codes used up and first logins are not: their lines do not say what was before.
KNOWN = (
    Kind.ACTIVE | Kind.APP | Kind.OWN_SWITCH | Kind.PASSKEY | Kind.MORE_PASSKEYS | Kind.REQUESTED | Kind.LOCKED
    | OPENS_SETTINGS
)  # fmt: skip
STATE_ACTS = (
    Action.TWO_FACTOR_ENABLED,
    Action.TWO_FACTOR_DISABLED,
    Action.APP_SET_UP,
    Action.PASSKEY_REQUESTED,
    Action.PASSKEY_REQUEST_DELETED,
    Action.PASSKEY_CREATED,
    Action.PASSKEY_DELETED,
    Action.PASSKEY_SUSPENDED,
    Action.USER_CREATED,
    Action.USER_CHANGED,
    Action.USER_DEACTIVATED,
    Action.USER_ACTIVATED,
    Action.REPORTED_NOT_ME,
    Action.USER_LOCKED,
    Action.USER_LET_IN,
    Action.USER_RESET,
    Action.USER_ERASED,
)
# Those of them that did not say what was before in earlier versions.
SAYS_MORE = (
    Action.PASSKEY_CREATED,
    Action.PASSKEY_DELETED,
    Action.PASSKEY_SUSPENDED,
    Action.REPORTED_NOT_ME,
    Action.USER_LOCKED,
    Action.USER_LET_IN,
    Action.USER_RESET,
)
# Nor did a company's rule that went off say whose own switch went off with it: it counted them.
SAYS_A_NUMBER = Q(action=Action.COMPANY_TWO_FACTOR_DISABLED, details__no_longer_asked__gt=0)
NAMES = frozenset({"username", "first_name", "last_name"})
COMPANY_RULE = {Action.COMPANY_TWO_FACTOR_ENABLED: False, Action.COMPANY_TWO_FACTOR_DISABLED: True}
SITE_RULE = {Action.SITE_RULE_ENABLED: False, Action.SITE_RULE_DISABLED: True}  # what was before


@dataclass
class PastPerson:
    """Somebody as they were.

    `there`: was there such a person? `fits`: do the lines since lead to what is true now? `exact`: do they say all of it?
    """

    person: User
    values: dict[str, Any]
    there: bool = True
    fits: bool = True
    exact: bool = True

    @classmethod
    def now(cls, person: Any, moment: datetime) -> PastPerson:
        """`person`, who was read `with_factors`, as they are now, and whether they were made by `moment`."""
        values = {
            "username": person.username,
            "first_name": person.first_name,
            "last_name": person.last_name,
            "role": person.role,
            "company": str(person.company_id or ""),
            "is_active": person.is_active,
            "two_factor_enabled": person.two_factor_enabled,
            "authenticator_apps": int(person.has_app),
            "passkeys": person.passkey_count,
            "requests": int(person.passkey_requested),
            "locked": person.locked_at is not None,
        }
        return cls(person, values, there=person.created_at <= moment)

    def undo(self, action: str, details: dict[str, Any]) -> None:
        """Take back what a line says."""
        if action == Action.USER_CREATED:
            self.there = False
            return
        if action in SAYS_MORE and "changes" not in details:
            self._undo_older(action, details)
            return
        for name, (before, after) in details.get("changes", {}).items():
            if name in self.values and not (name in NAMES and self.person.erased_at):  # what they were called is gone
                self.fits = self.fits and self.values[name] in {after, None}
                self.values[name] = before

    def _undo_older(self, action: str, details: dict[str, Any]) -> None:
        """The same of a line of an earlier version, as well as can be: it did not say what was before."""
        self.exact = False
        removed = details.get("removed", {})
        self.values["authenticator_apps"] += removed.get("authenticator_apps", 0)
        if action == Action.PASSKEY_CREATED:
            self.values["passkeys"] = max(self.values["passkeys"] - 1, 0)
        elif action in {Action.PASSKEY_DELETED, Action.PASSKEY_SUSPENDED}:
            self.values["passkeys"] += 1
        elif action == Action.USER_RESET:
            self.values["passkeys"] += removed.get("passkeys", 0)
        else:
            self.values["locked"] = action == Action.USER_LET_IN

    def undo_rule(self, company_id: UUID) -> None:
        """Take back what a line of an earlier version says of a company's rule that went off: a switch that is off since
        may have been on (None).
        """
        has = self.values
        is_off = has["is_active"] and not has["authenticator_apps"] and has["two_factor_enabled"] is False
        if is_off and has["company"] == str(company_id):
            self.exact = False
            has["two_factor_enabled"] = None

    @property
    def kind(self) -> int:
        """What kind of person this was, as far as is `KNOWN`."""
        has = self.values
        return sum(
            kind
            for kind, does in {
                Kind.ACTIVE: has["is_active"],
                Kind.APP: has["authenticator_apps"],
                Kind.OWN_SWITCH: has["two_factor_enabled"],
                Kind.PASSKEY: has["passkeys"] > 0,
                Kind.MORE_PASSKEYS: has["passkeys"] > 1,
                Kind.REQUESTED: has["requests"],
                Kind.LOCKED: has["locked"],
                ROLES.get(Role(has["role"]), Kind(0)): True,
            }.items()
            if does
        )

    @property
    def company_id(self) -> UUID | None:
        return UUID(self.values["company"]) if self.values["company"] else None


def as_they_were(people: Iterable[User], moment: datetime) -> Iterator[PastPerson]:
    """Each of `people`, who were read `with_factors`, at `moment`, some hundreds at a time: where they are read while they
    are asked for, these and their lines are of one moment.
    """
    rules = list(AuditEvent.objects.filter(SAYS_A_NUMBER, at__gt=moment).order_by("-pk").values_list("pk", "company"))
    rest = iter(people)
    while True:
        with one_moment():
            part = list(islice(rest, PEOPLE_AT_ONCE))
            lines = _lines_after(moment).filter(subject__in=[person.pk for person in part]).order_by("subject", "-pk")
            rows = lines.values_list("subject", "pk", "action", "details")
            later = {subject: list(found) for subject, found in groupby(rows, key=lambda row: row[0])}
        if not part:
            return
        for person in part:
            past, older = PastPerson.now(person, moment), list(rules)
            for _subject, pk, action, details in later.get(person.pk, ()):
                while older and older[0][0] > pk:
                    past.undo_rule(older.pop(0)[1])
                past.undo(action, details)
            for _pk, company_id in older:
                past.undo_rule(company_id)
            yield past


def exact_from(moment: datetime) -> datetime | None:
    """From when on what is worked out is exact, if it is not at `moment`: after the last line that says too little."""
    older = AuditEvent.objects.filter(SAYS_A_NUMBER | Q(action__in=SAYS_MORE) & ~Q(details__has_key="changes"))
    return older.filter(at__gt=moment).order_by("-at").values_list("at", flat=True).first()


def moved_out(company_id: UUID, moment: datetime) -> QuerySet[AuditEvent]:
    """The lines that say that somebody left a company since."""
    return _lines_after(moment).filter(action=Action.USER_CHANGED, details__changes__company__0=str(company_id))


def changed_since(moment: datetime, company_id: UUID | None = None) -> set[UUID]:
    """Whoever was another kind of person at `moment`, or may have been; of those who are or were in a company, if one is said."""
    lines, made = _lines_after(moment), User.objects.filter(created_at__gt=moment)
    if company_id:
        left = Q(pk__in=moved_out(company_id, moment).values("pk"))
        lines, made = lines.filter(Q(company=company_id) | left), made.filter(company=company_id)
    subjects = lines.exclude(subject=None).order_by().values_list("subject", flat=True).distinct()
    return set(subjects) | set(made.order_by().values_list("pk", flat=True))


def numbers_at(moment: datetime, company_id: UUID | None = None) -> Counter[tuple[UUID | None, int]]:
    """How many people of each kind each company had: what is counted now, without those who changed since, and with them
    as they were. Its caller reads all of it of one moment.
    """
    tally = Tally.objects.filter(*([Q(company=company_id)] if company_id else [])).order_by()
    found: Counter[tuple[UUID | None, int]] = Counter()
    for company, kind, number in tally.values_list("company", "kind").annotate(Sum("number")):
        found[company, kind & KNOWN] += number
    changed = sorted(changed_since(moment, company_id))
    for part in batched(changed, PEOPLE_AT_ONCE):
        people = list(with_factors(User.objects.filter(pk__in=part)))
        for person in people:
            now = PastPerson.now(person, moment)
            found[now.company_id, now.kind] -= 1
        for past in as_they_were(people, moment):
            if past.there:
                found[past.company_id, past.kind] += 1
    return Counter(
        {cell: number for cell, number in found.items() if number and (company_id is None or cell[0] == company_id)}
    )


def requiring_at(moment: datetime) -> set[UUID]:
    """The companies that required 2FA."""
    requiring = set(Company.objects.filter(two_factor_enabled=True).values_list("pk", flat=True))
    lines = AuditEvent.objects.filter(action__in=list(COMPANY_RULE), at__gt=moment).order_by("-pk")
    for company, action in lines.values_list("company", "action"):
        if company is not None:
            (requiring.add if COMPANY_RULE[Action(action)] else requiring.discard)(company)
    return requiring


def names_at(moment: datetime) -> dict[UUID, str]:
    """What each company was called."""
    now = dict(Company.objects.values_list("pk", "name"))
    lines = AuditEvent.objects.filter(action=Action.COMPANY_CHANGED, company__isnull=False, at__gt=moment)
    rows = lines.order_by("-pk").values_list("company", "details__before")
    return now | {company: before for company, before in rows if before}


def demanded_at(moment: datetime) -> bool:
    """Did the site demand a factor of everybody who opens the Settings app?"""
    lines = AuditEvent.objects.filter(action__in=list(SITE_RULE), at__gt=moment).order_by("pk")
    first = lines.values_list("action", flat=True).first()
    return SITE_RULE[Action(first)] if first else site_rule.is_on()


def _lines_after(moment: datetime) -> QuerySet[AuditEvent]:
    return AuditEvent.objects.filter(action__in=STATE_ACTS, at__gt=moment)
