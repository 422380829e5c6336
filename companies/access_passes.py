"""Access passes: given by whoever administers, withdrawn, and demanded of a company's new people."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.authorization import OutOfReach
from accounts.people import ChangedMeanwhile
from accounts.permissions import Permission
from accounts.sessions.listed import end_proved_by
from accounts.throttle import budgets, lanes
from audit.recording import record
from audit.vocabulary import Action
from companies.models import Company
from companies.services import hold_company
from mfa.holding import hold_with_factors
from mfa.methods import access_pass
from mfa.models import AccessPass, AuthenticatorApp
from mfa.policy import Method
from mfa.queries import must_have_factor

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

DEMANDED = "pass_demanded"


class IdentityCheck(models.TextChoices):
    """How an administrator made sure who asks. `audit.sentences.CHECKED` has the words of lines and mails."""

    CALLED_BACK = "called_back", _("Called back on a number we had before")
    IN_PERSON = "in_person", _("In person")
    VIDEO_CALL = "video_call", _("Video call with an identity document")
    VOUCHED_FOR = "vouched_for", _("Vouched for by a company administrator")


class Validity(models.IntegerChoices):
    """For how many minutes a pass can be given."""

    TEN_MINUTES = 10, _("10 minutes")
    AN_HOUR = 60, _("1 hour")
    A_WORKING_DAY = 8 * 60, _("8 hours")
    A_DAY = 24 * 60, _("24 hours")


class NothingToOpen(Exception):
    """User name and password are enough for this person: a pass would stand for nothing."""


def is_of_use(subject: User) -> bool:
    """Would a pass stand for something that `subject` is asked for?"""
    if subject.two_factor_required or must_have_factor(subject):
        return True
    return AuthenticatorApp.objects.filter(user=subject, confirmed=True).exists()


def open_pass_of(person: User) -> AccessPass | None:
    """The pass that can be used now, if there is one."""
    given = AccessPass.objects.select_related("user", "created_by").filter(user=person).first()
    return given if given is not None and given.is_open else None


def if_ended(given: AccessPass | None, person: User) -> AccessPass | None:
    """`given`, which was open, unless it can be used still."""
    now = open_pass_of(person)
    return None if given and now and now.digest == given.digest else given


@transaction.atomic
def give_pass(subject: User, *, valid: Validity, checked: str, reason: str, actor: User | None) -> str:
    """A new access pass for `subject`, to be shown once; an earlier one ends, and what it had opened.

    Raises OutOfReach for oneself, ChangedMeanwhile for whoever is shut out, and NothingToOpen.
    """
    subject = hold_with_factors(subject, actor=actor, needs=Permission.PASS)
    if subject == actor:
        raise OutOfReach
    if subject.is_shut_out:
        raise ChangedMeanwhile
    if not is_of_use(subject):
        raise NothingToOpen
    code, until = access_pass.draw(), timezone.now() + timedelta(minutes=valid)
    access_pass.enrol(subject, code, until=until, given_by=actor)
    budgets.forgive([lanes.factor_lane(subject, Method.ACCESS_PASS)])
    end_proved_by([subject], Method.ACCESS_PASS)
    record(
        Action.ACCESS_PASS_MADE,
        actor=actor,
        subject=subject,
        minutes=int(valid),
        until=until.isoformat(timespec="seconds"),
        checked=checked,
        reason=reason,
    )
    return code


@transaction.atomic
def withdraw_pass(subject: User, *, actor: User, made: datetime | None = None) -> bool:
    """Let `subject`'s pass open nothing any more, nor what it had opened go on. False where none was open.

    Raises ChangedMeanwhile where another is open than the one `made` then, if that is said. A first set-up needs a new one still: who had got hold of the pass, and knows the password, is not let through.
    """
    subject = hold_with_factors(subject, actor=actor, needs=Permission.PASS)
    given = open_pass_of(subject)
    if made and given and given.created_at != made:
        raise ChangedMeanwhile
    ended = access_pass.end(subject)
    end_proved_by([subject], Method.ACCESS_PASS)
    if ended:
        record(Action.ACCESS_PASS_WITHDRAWN, actor=actor, subject=subject)
    return ended


@transaction.atomic
def demand_passes(company: Company, *, actor: User) -> bool:
    """Ask for a pass before each first set-up in `company`. False where one is asked for already."""
    hold_company(company, actor=actor, needs=Permission.COMPANY_RULE)
    changed = _set_demand(company, on=True)
    if changed:
        record(Action.COMPANY_PASS_DEMANDED, actor=actor, company=company, changes={DEMANDED: [False, True]})
    return changed


@transaction.atomic
def stop_demanding_passes(company: Company, *, actor: User) -> bool:
    """Ask for none any more, but of those whom a pass was given to. False where none was asked for."""
    hold_company(company, actor=actor, needs=Permission.COMPANY_RULE)
    changed = _set_demand(company, on=False)
    if changed:
        record(Action.COMPANY_PASS_NOT_DEMANDED, actor=actor, company=company, changes={DEMANDED: [True, False]})
    return changed


def _set_demand(company: Company, *, on: bool) -> bool:
    company.pass_demanded = on
    return bool(Company.objects.filter(pk=company.pk, pass_demanded=not on).update(pass_demanded=on))
