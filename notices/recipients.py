"""Whom a notice goes to. Deactivated people, and people without an address, get none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from accounts.clock import APART
from accounts.models import Role, User
from accounts.text import fold_address, spoken
from audit.models import AuditEvent
from audit.vocabulary import Action
from mfa.models import Passkey
from mfa.policy import Method
from notices.asked import each_asked, for_two_factor

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import UserQuerySet

IN_USE = Passkey.objects.filter(suspended_at=None)
IN_A_ROW = 3
KEPT_DAYS = 7  # how long a replaced address is told too, as long as a "This wasn't me" link is good


@dataclass(frozen=True)
class Recipient:
    """A person at one of their addresses; `believed` if "This wasn't me" from there may lock the account."""

    address: str
    name: str
    language: str
    believed: bool = True
    asked: tuple[str, ...] = ()  # by the next login, where a mail says so to each of many


def the_person(event: AuditEvent) -> list[Recipient]:
    """Whom the event is about, at the address on record and at those that it replaced within seven days.

    The address on record and the one of seven days ago are believed: what came and went in between may be a typo, or
    an intruder's. An address that somebody else replaced is told of that, and of nothing more.
    """
    person = event.subject
    if person is None or not person.is_active:
        return []
    replaced, earliest = _replaced_addresses(event)
    addresses = {fold_address(address): address for address in (person.email, *replaced) if address}
    believed = {fold_address(person.email), fold_address(earliest)}
    return [at(address, person, believed=folded in believed) for folded, address in addresses.items()]


def moved_lately(people: Iterable[UUID | None]) -> set[UUID | None]:
    """Those of `people` whose profile was changed within seven days: an address that it replaced may be told too."""
    since = timezone.now() - timedelta(days=KEPT_DAYS)
    changes = AuditEvent.objects.order_by().filter(action=Action.USER_CHANGED, at__gt=since, subject__in=set(people))
    return set(changes.values_list("subject", flat=True))


def at_home(event: AuditEvent) -> list[Recipient]:
    """Whom the event is about, where no address was replaced lately."""
    person = event.subject
    if person is None or not person.is_active or not person.email:
        return []
    return [at(person.email, person)]


def _replaced_addresses(event: AuditEvent) -> tuple[list[str], str]:
    """The addresses to tell too, and the one that was on record when the seven days began."""
    changes = AuditEvent.objects.filter(
        subject=event.subject_id,
        action=Action.USER_CHANGED,
        at__gt=event.at - timedelta(days=KEPT_DAYS),
        at__lte=event.at + timedelta(seconds=APART),  # a clock that ran ahead lets no address be told for years
    ).order_by("pk")
    lines = [
        (details["changes"]["email"][0], pk == event.pk or actor == event.subject_id)
        for pk, actor, details in changes.values_list("pk", "actor_id", "details")
        if "email" in details.get("changes", ())
    ]
    return [address for address, told in lines if told], lines[0][0] if lines else ""


def the_person_at_the_third_failure(event: AuditEvent) -> list[Recipient]:
    """The same, if `event` is exactly the third wrong second factor in a row (ASVS 6.3.5).

    Signing in and confirming end the row; entering the password again does not. Guesses that had to wait do not count.
    A passkey counts only after the password: without it, anybody can try one.
    """
    if event.subject_id is None:
        return []
    # One after the other, so that each counts the lines before it: exactly one of many at once is the third.
    list(User.objects.get_queryset().select_for_update(no_key=True).filter(pk=event.subject_id).values_list("pk"))
    mine = AuditEvent.objects.filter(subject=event.subject_id)
    good = mine.filter(action__in=[Action.SIGNED_IN, Action.CONFIRMED]).order_by("-pk").values("pk")[:1]
    since = Coalesce(Subquery(good), Value(0))
    password = AuditEvent.objects.filter(
        subject=event.subject_id, action=Action.PROVED, details__methods__0=Method.PASSWORD, pk__lt=OuterRef("pk")
    ).filter(pk__gt=since)
    looked_at = mine.filter(action=Action.REFUSED, pk__gt=since).exclude(details__reason="Throttled")
    failures = looked_at.filter(
        Q(details__methods__0=Method.TOTP)
        | Q(details__methods__0=Method.RECOVERY)
        | Q(details__methods__0=Method.ACCESS_PASS)
        | Q(Exists(password), details__methods__0=Method.PASSKEY)
    )
    return the_person(event) if failures.count() == IN_A_ROW else []


def the_companys_people_not_set_up(event: AuditEvent) -> list[Recipient]:
    """Everybody in the company who will be asked to set 2FA up: one statement, however many they are."""
    people = User.objects.get_queryset().filter(company=event.company_id, is_active=True)
    return all_asked(people.exclude(authenticator_apps__confirmed=True))


def the_administrators(event: AuditEvent) -> list[Recipient]:
    """Who can help the person: their company's administrators, else the site's."""
    person = event.subject
    assert person  # the event is about somebody
    active = User.objects.get_queryset().opening().exclude(pk=person.pk)
    theirs = active.filter(role=Role.COMPANY_ADMINISTRATOR, company=person.company_id)
    near = _all(theirs) if person.company_id and person.role != Role.ADMINISTRATOR else []
    return near or _all(active.filter(role=Role.ADMINISTRATOR))


def the_sites_administrators(event: AuditEvent) -> list[Recipient]:
    """All administrators of the site, but whom the event is about: they have a mail of their own."""
    active = User.objects.get_queryset().opening().filter(role=Role.ADMINISTRATOR)
    return _all(active.exclude(pk=event.subject_id) if event.subject_id else active)


def whom_the_rule_asks(_event: AuditEvent) -> list[Recipient]:
    """All others who open the Settings app and have neither an app nor a passkey in use."""
    return all_asked(asked_by_the_rule())


def asked_by_the_rule() -> UserQuerySet:
    """Those whom the rule for the Settings app asks, but administrators of the site, who are told of the rule itself."""
    people = User.objects.get_queryset().opening().exclude(role__in=(Role.ADMINISTRATOR, Role.MEMBER))
    return people.exclude(authenticator_apps__confirmed=True).exclude(pk__in=IN_USE.values("user"))


# Those who are told of somebody else.
OF_ANOTHER = (the_administrators, the_sites_administrators)


def _all(people: QuerySet[User]) -> list[Recipient]:
    found: Iterable[User] = people.exclude(email="").only(
        "username", "first_name", "last_name", "email", "language", "browser_language"
    )
    return [at(person.email, person) for person in found]


def all_asked(people: QuerySet[User]) -> list[Recipient]:
    """The same, each with what the next login asks of them for two-factor authentication."""
    return [
        replace(at(person.email, person), asked=tuple(for_two_factor(asked)))
        for person, asked in each_asked(people.exclude(email=""))
    ]


def at(address: str, person: User, *, believed: bool = True) -> Recipient:
    """`person` at this address of theirs."""
    return Recipient(address, spoken(person.get_short_name()), person.mail_language, believed)
