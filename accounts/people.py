"""Acts on people as such: create, change, deactivate, end their sessions, choose a password."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F

from accounts import audit
from accounts.actions import Action
from accounts.models import Session, User
from accounts.sessions import stored

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from companies.models import Company


class ChangedMeanwhile(Exception):
    """Somebody else changed what this act was about to change."""


PROFILE = ("username", "first_name", "last_name", "email", "language", "role", "company")


@transaction.atomic
def create_user(person: User, *, actor: User) -> None:
    """Save a new person. They choose their own password through an invitation."""
    person.set_unusable_password()
    person.save()
    audit.record(Action.USER_CREATED, actor=actor, subject=person, role=person.role)


@transaction.atomic
def change_user(person: User, *, changed: Iterable[str], actor: User) -> None:
    """Save the `changed` fields of a person's profile; their values, not only their names, are in the audit."""
    fields = [field for field in changed if field in PROFILE]
    if not fields:
        return
    before = dict(User.objects.filter(pk=person.pk).values(*fields).get())
    folded = ("username_folded", "email_folded", "search_text")
    person.save(update_fields=[*fields, *folded])
    after = dict(User.objects.filter(pk=person.pk).values(*fields).get())
    audit.record(
        Action.USER_CHANGED,
        actor=actor,
        subject=person,
        changes={field: [str(before[field] or ""), str(after[field] or "")] for field in fields},
    )


@transaction.atomic
def deactivate_user(person: User, *, actor: User) -> None:
    """Shut `person` out at once, half-way logins included. What they set up stays for the day they come back."""
    if User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        _end(User.objects.filter(pk=person.pk))
        audit.record(Action.USER_DEACTIVATED, actor=actor, subject=person)


@transaction.atomic
def activate_user(person: User, *, actor: User) -> None:
    """Let `person` sign in again. Sessions of before do not come back."""
    if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        audit.record(Action.USER_ACTIVATED, actor=actor, subject=person)


@transaction.atomic
def end_sessions(person: User, *, actor: User) -> None:
    """End all sessions of `person` at once, half-way logins included."""
    _end(User.objects.filter(pk=person.pk))
    audit.record(Action.SESSIONS_ENDED, actor=actor, subject=person)


@transaction.atomic
def end_company_sessions(company: Company, *, actor: User) -> None:
    """End all sessions of all people of `company` at once: two statements, however many they are."""
    _end(User.objects.filter(company=company))
    audit.record(Action.COMPANY_SESSIONS_ENDED, actor=actor, company=company)


def _end(people: QuerySet[User]) -> None:
    """The rows go, and a request that is on its way meets another epoch."""
    people.update(session_epoch=F("session_epoch") + 1)
    Session.objects.filter(user__in=people).delete()


@transaction.atomic
def change_password(person: User, password: str, *, actor: User, here: str | None = None) -> None:
    """Give `person` the password they chose; every session ends but the one whose key is `here`.

    Raises ChangedMeanwhile where password, address or access are no longer
    those that were read: of two who hold one link, one chooses (ASVS 6.4.1).
    """
    as_read = User.objects.filter(pk=person.pk, password=person.password, email=person.email, is_active=True)
    person.set_password(password)
    if not as_read.update(password=person.password):
        raise ChangedMeanwhile
    Session.objects.filter(user=person).exclude(pk=stored(here)).delete()
    audit.record(Action.PASSWORD_CHANGED, actor=actor, subject=person)
