"""Acts on companies: create, change, and their 2FA switch. Each is one transaction with its audit line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import site_rule
from accounts.authorization import NOBODY, OutOfReach, hold_actor
from accounts.models import User
from accounts.people import ChangedMeanwhile, end_all_sessions
from accounts.permissions import Permission
from audit.recording import as_part_of, record, written_together
from audit.vocabulary import Action
from companies.bulk.following import (
    ANNOUNCE,
    ANNOUNCE_RULE,
    RELEASE,
    SWITCH,
    release,
    switched_on_alone,
    to_be_told,
    to_be_told_of_the_rule,
)
from companies.bulk.running import begin_following
from companies.models import Company
from mfa.services import Sessions

if TYPE_CHECKING:
    from accounts.models import UserQuerySet
    from companies.bulk.models import BulkRun


IN_THE_CLICK = 1000  # people whom one transaction changes or writes to: others who write on SQLite wait for it


@dataclass(frozen=True)
class Thrown:
    """A company's switch was thrown, or the site's: did that change it, and what follows from it in the background, for many people?"""

    changed: bool
    follows: BulkRun | None = None


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
def enable_company_two_factor(company: Company, *, actor: User, sessions: Sessions = Sessions.GO_ON) -> Thrown:
    """Require 2FA of everybody in `company`: whoever has not set it up is asked at the next login, and told by mail."""
    people = Q(company=company.pk) if sessions is Sessions.END else NOBODY
    hold_company(company, actor=actor, needs=Permission.COMPANY_RULE, people=people)
    changed, told = _set_switch(company, on=True), to_be_told(company.pk)
    later: dict[str, Any] = {"told_later": True} if changed and _too_many(told) else {}
    if changed:
        changes = {SWITCH: [False, True]}
        record(Action.COMPANY_TWO_FACTOR_ENABLED, actor=actor, company=company, changes=changes, **later)
    if sessions is Sessions.END:
        end_company_sessions(company, actor=actor)
    return Thrown(changed, begin_following(ANNOUNCE, company, told, actor=actor) if later else None)


@transaction.atomic
def demand_factor(*, actor: User) -> Thrown:
    """Demand 2FA or a passkey of everybody who opens the Settings app: who has neither is told by mail."""
    hold_actor(actor, needs=Permission.SITE_RULE)
    told = to_be_told_of_the_rule()
    later = _too_many(told)
    changed = site_rule.demand_factor(actor=actor, told_later=later)
    return Thrown(changed, begin_following(ANNOUNCE_RULE, None, told, actor=actor) if changed and later else None)


@transaction.atomic
def disable_company_two_factor(
    company: Company,
    *,
    actor: User,
    individuals: Individuals = Individuals.STOP_ASKING,
    sessions: Sessions = Sessions.GO_ON,
) -> Thrown:
    """Stop requiring 2FA. Those set up keep it; those not set up are no longer asked.

    With `STOP_ASKING`, the own switch of those who are not set up and whom `actor` manages goes off too: at once where
    they are no more than `IN_THE_CLICK`, else one after the other. With `KEEP_ASKING` it stays, and asks them still.
    """
    asked = switched_on_alone(company.pk)
    if individuals is Individuals.KEEP_ASKING:
        asked = asked.none()
    later = _too_many(asked)
    at_once = asked.filter(pk=actor.pk) if later else asked
    people = Q(company=company.pk) if sessions is Sessions.END else Q(pk__in=at_once.values("pk"))
    acting, _now = hold_company(company, actor=actor, needs=Permission.COMPANY_RULE, people=people)
    changed = _set_switch(company, on=False)
    if changed:
        stopped = _stop_asking(at_once & User.objects.managed_by(acting), actor)
        changes = {SWITCH: [True, False]}
        record(Action.COMPANY_TWO_FACTOR_DISABLED, actor=actor, company=company, changes=changes, **stopped)
    if sessions is Sessions.END:
        end_company_sessions(company, actor=actor)
    return Thrown(changed, begin_following(RELEASE, company, asked, actor=actor) if changed and later else None)


def _stop_asking(asked: UserQuerySet, actor: User) -> dict[str, Any]:
    """Switch off the own switch of `asked`, who are held, with a line for each.

    What the company's line says of it: it stands for theirs, as for those of an act on many.
    """
    found = list(asked.only("company"))
    if not found:
        return {}
    run = uuid4()
    with as_part_of(run), written_together():
        release(found, actor=actor)
    return {"act": "release", "many": str(run), "changed": len(found)}


def _too_many(people: UserQuerySet) -> bool:
    """Are they too many for one transaction?"""
    return people.order_by()[: IN_THE_CLICK + 1].count() > IN_THE_CLICK


@transaction.atomic
def end_company_sessions(company: Company, *, actor: User) -> None:
    """End all sessions of all people of `company` whom `actor` manages: two statements, however many they are."""
    everybody = Q(company=company.pk)
    acting, _company = hold_company(company, actor=actor, needs=Permission.COMPANY_SIGN_OUT, people=everybody)
    ended = end_all_sessions(User.objects.managed_by(acting).filter(company=company))
    record(Action.COMPANY_SESSIONS_ENDED, actor=actor, company=company, changes={"sessions": [ended, 0]})


def hold_company(company: Company, *, actor: User, needs: Permission, people: Q = NOBODY) -> tuple[User, Company]:
    """`actor` and `company` as they are now, locked together with those of its people whom the act changes.

    Raises ShutOut, NotPermitted and OutOfReach.
    """
    acting = hold_actor(actor, needs=needs, also=people)
    found = Company.objects.managed_by(acting).select_for_update(no_key=True).filter(pk=company.pk).first()
    if found is None:
        raise OutOfReach
    return acting, found


def _set_switch(company: Company, *, on: bool) -> bool:
    """Set the company's switch. False if it was set that way already."""
    changed = Company.objects.filter(pk=company.pk, two_factor_enabled=not on)
    company.two_factor_enabled = on
    return bool(changed.update(two_factor_enabled=on, two_factor_changed_at=timezone.now()))
