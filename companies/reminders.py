"""Reminders: who is asked for something at the next login is told by mail what it is and how it goes, once a day at most."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.authorization import hold_each
from accounts.clock import APART, is_ahead
from accounts.models import User
from accounts.permissions import Permission
from audit.recording import record
from audit.vocabulary import Action
from companies.models import Reminder
from mfa.demands import asked_in
from mfa.models import Passkey
from mfa.queries import circumstances_of, with_holdings

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from mfa.forecast import Circumstances

A_DAY = timedelta(hours=24)


class WhyNot(StrEnum):
    """Why somebody is not reminded."""

    YOURSELF = "yourself"
    DEACTIVATED = "deactivated"
    LOCKED = "locked"
    NO_PASSWORD = "no_password"  # noqa: S105  # a name
    NOT_ASKED = "not_asked"
    NO_ADDRESS = "no_address"
    TODAY = "today"


WHY_NOT: dict[WhyNot, _StrPromise] = {
    WhyNot.YOURSELF: _("This is you: no reminder is needed."),
    WhyNot.DEACTIVATED: _("{name} is deactivated."),
    WhyNot.LOCKED: _("{name} is locked: nobody gets in there before an administrator has looked at the account."),
    WhyNot.NO_PASSWORD: _("{name} has not chosen a password yet: invite {name} again."),
    WhyNot.NOT_ASKED: _("{name} is not asked for anything."),
    WhyNot.NO_ADDRESS: _("There is no e-mail address on record for {name}."),
    WhyNot.TODAY: _("{name} was reminded within the last 24 hours."),
}


class NotReminded(Exception):
    """No reminder went out, and why not."""

    def __init__(self, why: WhyNot) -> None:
        super().__init__(why)
        self.why = why


def remind(person: User, *, actor: User) -> None:
    """Remind `person` by mail of what the next login asks for; the mail follows from the line. Raises NotReminded."""
    for why in remind_all(person, actor=actor).values():
        raise NotReminded(why)


@transaction.atomic
def remind_all(*people: User, actor: User) -> dict[User, WhyNot]:
    """The same for each of `people`; those who are not reminded, and why."""
    held = hold_each(people, actor=actor, needs=Permission.REMIND)
    keys, now = [person.pk for person in held], timezone.now()
    circumstances = {
        person: circumstances_of(person)
        for person in with_holdings(User.objects.filter(pk__in=keys).select_related("company"))
    }
    reminded = dict(Reminder.objects.filter(person__in=keys).values_list("person", "at"))
    left_out = {
        person: why
        for person in held
        if (why := why_not(person, circumstances[person], reminded.get(person.pk), actor=actor))
    }
    told = [person for person in held if person not in left_out]
    rows = [Reminder(person=person.pk, at=now) for person in told]
    Reminder.objects.bulk_create(rows, update_conflicts=True, unique_fields=["person"], update_fields=["at"])
    for person in told:
        record(Action.USER_REMINDED, actor=actor, subject=person, asked=asked_in(circumstances[person]))
    return left_out


def why_not(person: User, circumstances: Circumstances, reminded: datetime | None, *, actor: User) -> WhyNot | None:
    """Why `actor` cannot remind `person`, who was `reminded` then; None where they can."""
    reasons = {
        WhyNot.YOURSELF: person == actor,
        WhyNot.DEACTIVATED: not person.is_active,
        WhyNot.LOCKED: person.locked_at is not None,
        WhyNot.NO_PASSWORD: not circumstances.first_factors,
        WhyNot.NOT_ASKED: not asked_in(circumstances),
        WhyNot.NO_ADDRESS: not person.email,
        WhyNot.TODAY: was_today(reminded),
    }
    return next((why for why, holds in reasons.items() if holds), None)


def beyond_reach(person: str) -> dict[WhyNot, Q]:
    """Of rows that name somebody in the column `person`: those whom no reminder reaches, by a reason that no kind tells."""
    somebody = User.objects.get_queryset().filter(pk=OuterRef(person))
    without_password = somebody.filter(password__startswith=UNUSABLE_PASSWORD_PREFIX)
    passkeys = Passkey.objects.filter(user=OuterRef(person), suspended_at=None)
    now = timezone.now()
    today = Reminder.objects.filter(person=OuterRef(person), at__gt=now - A_DAY, at__lte=now + timedelta(seconds=APART))
    return {
        WhyNot.NO_PASSWORD: Q(Exists(without_password)) & ~Q(Exists(passkeys)),
        WhyNot.NO_ADDRESS: Q(Exists(somebody.filter(email=""))),
        WhyNot.TODAY: Q(Exists(today)),
    }


def reminded_at(person: User) -> datetime | None:
    """When `person` was reminded last."""
    return Reminder.objects.filter(person=person.pk).values_list("at", flat=True).first()


def was_today(reminded: datetime | None) -> bool:
    """Is it too early for another reminder? A time that lies ahead is one of a clock that was put right."""
    if reminded is None or is_ahead(reminded.timestamp()):
        return False
    return timezone.now() - reminded < A_DAY
