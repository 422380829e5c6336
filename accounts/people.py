"""Acts on people: create, change, deactivate, lock, end their sessions, choose a password."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX, make_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import addresses
from accounts.authorization import (
    ADMINISTRATORS,
    NOBODY,
    LastAdministrator,
    NotPermitted,
    OutOfReach,
    hold,
    hold_actor,
    hold_each,
    in_reach,
    last_administrators,
    one_administrator_stays,
)
from accounts.models import PROFILE, Session, User
from accounts.passwords import is_short
from accounts.permissions import Permission
from accounts.throttle import budgets
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.not_me import Claim


class ChangedMeanwhile(Exception):
    """Somebody else changed what this act was about to change."""


@transaction.atomic
def create_user(person: User, *, actor: User | None, password: str | None = None) -> None:
    """Save a new person. Without a password they choose their own, through an invitation."""
    acting = hold_actor(actor, needs=Permission.PROFILE) if actor else None
    person.set_password(password)
    person.save()
    if acting:
        in_reach(person, actor=acting)  # nobody makes people whom they could not manage
    person.record_creation(actor=actor)


@transaction.atomic
def change_user(person: User, *, changed: Iterable[str], actor: User, seen: Mapping[str, object] | None = None) -> None:
    """Save the `changed` fields of a person's profile; their values, not only their names, are in the audit.

    `seen` is what was in these fields when the change was decided. Raises
    ChangedMeanwhile where one of them holds something else by now, and
    LastAdministrator where nobody could administer any more; NotPermitted for one's own role or company.

    Another role or company ends all their sessions and an open invitation: whoever was handed that link did not get it
    for these rights (ASVS 8.3.2). Another e-mail address has to be confirmed first (accounts.addresses).
    """
    fields = [field for field in changed if field in PROFILE]
    if not fields:
        return
    if person == actor and {"role", "company"} & set(fields):
        raise NotPermitted
    kept = hold(person, actor=actor, needs=Permission.PROFILE, also=ADMINISTRATORS if "role" in fields else NOBODY)
    before = User.objects.filter(pk=person.pk).values(*fields).get()
    if any(before[field] != value for field, value in (seen or {}).items() if field in fields):
        raise ChangedMeanwhile
    waits = "email" in fields and addresses.needs_confirmation(kept, person.email)
    if waits:
        fields.remove("email")
    elif "email" in fields:
        addresses.forget(User.objects.filter(pk=person.pk))
    if fields:
        _write(kept, person, fields, actor)
    if waits:  # last: another role ends what waited before
        addresses.enter(kept, person.email, actor=actor)
        person.email = kept.email


def _write(kept: User, person: User, fields: list[str], actor: User) -> None:
    """Give `kept`, which is locked, these fields of `person`."""
    before = dict(User.objects.filter(pk=person.pk).values(*fields).get())
    with one_administrator_stays(kept) if "role" in fields else nullcontext():
        for field in fields:
            setattr(kept, field, getattr(person, field))
        folded = ("username_folded", "email_folded", "search_text")
        kept.save(update_fields=[*fields, *folded])
    if {"role", "company"} & set(fields):
        # Nobody makes of people what they could not manage.
        in_reach(kept, actor=hold_actor(actor, needs=Permission.PROFILE))
        end_all_sessions(User.objects.filter(pk=person.pk))
        _end_invitations([kept])
    after = dict(User.objects.filter(pk=person.pk).values(*fields).get())
    record(
        Action.USER_CHANGED,
        actor=actor,
        subject=kept,  # whose address is the one in use: `person` may hold one that is not confirmed
        changes={field: [str(before[field] or ""), str(after[field] or "")] for field in fields},
    )


def deactivate_user(person: User, *, actor: User) -> None:
    """Shut `person` out at once, half-way logins included. What they set up stays for the day they come back.

    Raises NotPermitted for oneself, and LastAdministrator where nobody could administer any more.
    """
    if deactivate_all(person, actor=actor):
        raise LastAdministrator


@transaction.atomic
def deactivate_all(*people: User, actor: User) -> list[User]:
    """The same of each of `people`, in turn; those who stay, because nobody could administer any more."""
    if actor in people:
        raise NotPermitted
    held = hold_each(people, actor=actor, needs=Permission.ACTIVATE, also=ADMINISTRATORS)
    staying = last_administrators(held)
    going = [person for person in held if person.is_active and person not in staying]
    found = User.objects.filter(pk__in=[person.pk for person in going])
    if going:
        found.update(is_active=False)
        end_all_sessions(found)
        _end_invitations(going)
    for person in going:
        person.is_active = False
        record(Action.USER_DEACTIVATED, actor=actor, subject=person, changes={"is_active": [True, False]})
    return staying


@transaction.atomic
def activate_user(person: User, *, actor: User) -> None:
    """Let `person` sign in again. Earlier sessions do not come back."""
    hold(person, actor=actor, needs=Permission.ACTIVATE)
    if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        record(Action.USER_ACTIVATED, actor=actor, subject=person, changes={"is_active": [False, True]})


@transaction.atomic
def unlock_user(person: User, *, actor: User | None) -> bool:
    """End the wait for `person`'s passwords and codes. False if there was none."""
    hold(person, actor=actor, needs=Permission.UNLOCK)
    if budgets.blocked_until(person) is None:
        return False
    failures = budgets.unlock(person)
    record(Action.USER_UNLOCKED, actor=actor, subject=person, failures=failures)
    return True


@transaction.atomic
def end_sessions(*people: User, actor: User | None, checked: str = "", reason: str = "") -> None:
    """End all sessions of each of `people` at once, half-way logins included.

    The line keeps why, and how it was checked who asked, where that is said.
    """
    why: dict[str, Any] = {"checked": checked, "reason": reason} if reason else {}
    held = hold_each(people, actor=actor, needs=Permission.SIGN_OUT)
    keys = [person.pk for person in held]
    sessions = Session.objects.filter(user__in=keys)
    number = Counter(sessions.select_for_update().order_by("pk").values_list("user", flat=True))
    _close_sessions(User.objects.filter(pk__in=keys))
    sessions.delete()  # by person: one that began meanwhile goes too, and however many there are
    for person in held:
        ended = {"sessions": [number[person.pk], 0]}
        record(Action.SESSIONS_ENDED, actor=actor, subject=person, changes=ended, **why)


def _end_invitations(people: Iterable[User]) -> None:
    """End the invitations of those who have no password yet, by giving each another unusable one."""
    invited = [person for person in people if person.password.startswith(UNUSABLE_PASSWORD_PREFIX)]
    for person in invited:
        person.password = make_password(None)
    User.objects.bulk_update(invited, ["password"])


def end_all_sessions(people: QuerySet[User]) -> int:
    """End all sessions of `people`; how many there were. The rows go, and the next epoch stops requests on their way."""
    _close_sessions(people)
    ended, _ = Session.objects.filter(user__in=people).delete()
    return ended


def _close_sessions(people: QuerySet[User]) -> None:
    """No request of theirs is answered any more, and no address counts that somebody else may have entered."""
    people.update(session_epoch=F("session_epoch") + 1)
    addresses.forget(people)


@transaction.atomic
def report_not_me(claim: Claim, *, about: str) -> bool:
    """Lock the account of somebody who says that an event was not them. False if that event has locked it already.

    Even the last administrator's: somebody else may be in there, and the command line makes another administrator.
    """
    person = User.objects.get_queryset().select_for_update(no_key=True).get(pk=claim.person.pk)
    if reported_at(claim) is not None:
        return False
    was_locked = person.locked_at is not None
    ended = _lock(person, by=None)
    record(
        Action.REPORTED_NOT_ME,
        actor=None,
        subject=person,
        event=claim.event.pk,
        to=claim.address,
        name=about,
        sessions=ended,
        changes={"locked": [was_locked, True]},
    )
    return True


@transaction.atomic
def lock_user(person: User, *, actor: User) -> bool:
    """Lock the account of somebody whom `actor` manages. False if it was locked already.

    Raises OutOfReach for oneself, and LastAdministrator where nobody could administer any more.
    """
    subject = hold(person, actor=actor, needs=Permission.LOCK, also=ADMINISTRATORS)
    if subject == actor:
        raise OutOfReach
    if subject.locked_at is not None:
        return False
    with one_administrator_stays(subject):
        ended = _lock(subject, by=actor)
    record(Action.USER_LOCKED, actor=actor, subject=subject, sessions=ended, changes={"locked": [False, True]})
    return True


def _lock(person: User, *, by: User | None) -> int:
    """Lock `person`'s account and end their sessions, half-way logins included; how many there were.

    Password, factors and address stay as they are, so that an administrator can look at them before letting the person
    in again.
    """
    User.objects.filter(pk=person.pk, locked_at=None).update(locked_at=timezone.now(), locked_by=by)
    return end_all_sessions(User.objects.filter(pk=person.pk))


@transaction.atomic
def end_lock(person: User) -> None:
    """Open `person`'s account again. What was begun while it was locked does not come back."""
    User.objects.filter(pk=person.pk).update(locked_at=None, locked_by=None)
    end_all_sessions(User.objects.filter(pk=person.pk))


def reported_at(claim: Claim) -> datetime | None:
    """When the account was locked because of this event, or of a later one."""
    reports = AuditEvent.objects.filter(subject=claim.person, action=Action.REPORTED_NOT_ME, pk__gt=claim.event.pk)
    return reports.order_by("pk").values_list("at", flat=True).first()


def measure_anew(*people: User) -> None:
    """Check the length of these passwords when they are next typed: from now on each is its owner's only factor."""
    keys = [person.pk for person in people]
    User.objects.filter(pk__in=keys, password_is_short=False).update(password_is_short=None)


@transaction.atomic
def change_password(person: User, password: str, *, actor: User | None, here: str | None = None) -> None:
    """Give `person` the password they chose; every session ends but the one that is kept as `here`.

    Guesses at the earlier one are forgotten; whether the new one is short, as it may be beside an app, is noted.
    Raises ChangedMeanwhile if password, address or access have changed since they were read, so that of two people
    with one link only one can choose (ASVS 6.4.1).
    """
    if actor is not None and actor != person:
        hold(person, actor=actor, needs=Permission.OWN)
    as_read = User.objects.get_queryset().opening()
    as_read = as_read.filter(pk=person.pk, password=person.password, email=person.email)
    person.set_password(password)
    person.password_is_short = is_short(password)
    if not as_read.update(password=person.password, password_is_short=person.password_is_short):
        raise ChangedMeanwhile
    addresses.forget(User.objects.filter(pk=person.pk))
    budgets.unlock(person)
    Session.objects.filter(user=person).exclude(pk=here).delete()
    record(Action.PASSWORD_CHANGED, actor=actor, subject=person)
