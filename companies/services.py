"""Acts on companies: create, change, and their 2FA switch. Each is one transaction with its audit line."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.authorization import OutOfReach, hold_actor
from accounts.models import User
from accounts.people import ChangedMeanwhile, end_all_sessions
from accounts.permissions import Permission
from audit.recording import as_part_of, record, written_together
from audit.vocabulary import Action
from companies.models import Company
from mfa.queries import asked_individually
from mfa.services import Sessions

if TYPE_CHECKING:
    from accounts.models import UserQuerySet

SWITCH = "two_factor_enabled"


class Individuals(Enum):
    """What becomes of people whose own switch is on and who are not set up, when the company's goes off."""

    STOP_ASKING = "stop"
    KEEP_ASKING = "keep"


@transaction.atomic
def create_company(company: Company, *, actor: User) -> None:
    """Save a new company."""
    hold_actor(actor, needs=Permission.COMPANY_CREATE)
    company.save()
    record(Action.COMPANY_CREATED, actor=actor, company=company, name=company.name)


@transaction.atomic
def rename_company(company: Company, name: str, *, actor: User, seen: str | None = None) -> None:
    """Rename `company` to `name`. Raises ChangedMeanwhile if it is no longer called `seen`."""
    _acting, now = hold_company(company, actor=actor, needs=Permission.COMPANY_CHANGE)
    if seen not in {None, now.name}:
        raise ChangedMeanwhile
    before, company.name = now.name, name
    if name != before:
        company.save(update_fields=["name", "name_folded", "name_plain"])
        record(Action.COMPANY_CHANGED, actor=actor, company=company, before=before, name=name)


@transaction.atomic
def enable_company_two_factor(company: Company, *, actor: User, sessions: Sessions = Sessions.GO_ON) -> None:
    """Require 2FA of everybody in `company`: whoever has not set it up is asked at the next login."""
    hold_company(company, actor=actor, needs=Permission.COMPANY_RULE)
    if _set_switch(company, on=True):
        record(Action.COMPANY_TWO_FACTOR_ENABLED, actor=actor, company=company, changes={SWITCH: [False, True]})
    if sessions is Sessions.END:
        end_company_sessions(company, actor=actor)


@transaction.atomic
def disable_company_two_factor(
    company: Company,
    *,
    actor: User,
    individuals: Individuals = Individuals.STOP_ASKING,
    sessions: Sessions = Sessions.GO_ON,
) -> bool:
    """Stop requiring 2FA; False where it was not required. Those set up keep it; those not set up are no longer asked.

    With `STOP_ASKING`, the own switch of those who are not set up and whom
    `actor` manages goes off too; with `KEEP_ASKING` it stays, and asks them still.
    """
    acting, _now = hold_company(company, actor=actor, needs=Permission.COMPANY_RULE)
    changed = _set_switch(company, on=False)
    if changed:
        managed = User.objects.managed_by(acting).filter(company=company, is_active=True)
        stopped = _stop_asking(managed, actor) if individuals is Individuals.STOP_ASKING else {}
        changes = {SWITCH: [True, False]}
        record(Action.COMPANY_TWO_FACTOR_DISABLED, actor=actor, company=company, changes=changes, **stopped)
    if sessions is Sessions.END:
        end_company_sessions(company, actor=actor)
    return changed


def _stop_asking(people: UserQuerySet, actor: User) -> dict[str, Any]:
    """Switch off the own switch of those of `people`, who are held, who are not set up, with a line for each.

    What the company's line says of it: it stands for theirs, as for those of an act on many.
    """
    asked = asked_individually(people)
    found = list(asked.only("company"))
    if not found:
        return {}
    asked.update(two_factor_enabled=False, two_factor_changed_at=timezone.now(), two_factor_changed_by=actor)
    run = uuid4()
    with as_part_of(run), written_together():
        for person in found:
            record(Action.TWO_FACTOR_DISABLED, actor=actor, subject=person, changes={SWITCH: [True, False]})
    return {"act": "release", "many": str(run), "changed": len(found)}


@transaction.atomic
def end_company_sessions(company: Company, *, actor: User) -> None:
    """End all sessions of all people of `company` whom `actor` manages: two statements, however many they are."""
    acting, _company = hold_company(company, actor=actor, needs=Permission.COMPANY_SIGN_OUT)
    ended = end_all_sessions(User.objects.managed_by(acting).filter(company=company))
    record(Action.COMPANY_SESSIONS_ENDED, actor=actor, company=company, changes={"sessions": [ended, 0]})


def hold_company(company: Company, *, actor: User, needs: Permission) -> tuple[User, Company]:
    """`actor` and `company` as they are now, locked together with its people. Raises ShutOut, NotPermitted and OutOfReach."""
    acting = hold_actor(actor, needs=needs, also=Q(company=company.pk))
    found = Company.objects.managed_by(acting).select_for_update(no_key=True).filter(pk=company.pk).first()
    if found is None:
        raise OutOfReach
    return acting, found


def _set_switch(company: Company, *, on: bool) -> bool:
    """Set the company's switch. False if it was set that way already."""
    changed = Company.objects.filter(pk=company.pk, two_factor_enabled=not on)
    company.two_factor_enabled = on
    return bool(changed.update(two_factor_enabled=on, two_factor_changed_at=timezone.now()))
