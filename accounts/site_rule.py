"""The rule for those who administer: everybody who opens the Settings app uses 2FA or a passkey.

The highest rights would be the only ones without a rule otherwise: administrators have no company. What it asks at a
login is decided where all of that is, in `mfa.policy`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from accounts.authorization import hold_actor
from accounts.models import SiteRule
from accounts.permissions import Permission
from accounts.rule_models import THE_ONE
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from accounts.models import User

RULE = "factor_demanded"


def current() -> SiteRule:
    """The rule as it stands; off where there is none."""
    return SiteRule.objects.select_related("changed_by").filter(pk=THE_ONE).first() or SiteRule()


def is_on() -> bool:
    """Is a factor demanded of whoever opens the Settings app?"""
    return SiteRule.objects.filter(factor_demanded=True).exists()


@transaction.atomic
def demand_factor(*, actor: User, told_later: bool = False) -> bool:
    """Ask whoever opens the Settings app for 2FA or a passkey, from their next login on. False where that stood already.

    `told_later`: its caller has those whom it asks told.
    """
    hold_actor(actor, needs=Permission.SITE_RULE)
    changed = _set(on=True, actor=actor)
    if changed:
        later: dict[str, Any] = {"told_later": True} if told_later else {}
        record(Action.SITE_RULE_ENABLED, actor=actor, changes={RULE: [False, True]}, **later)
    return changed


@transaction.atomic
def stop_demanding_factor(*, actor: User) -> bool:
    """Ask for it no more; what people set up stays. False where nothing was demanded."""
    hold_actor(actor, needs=Permission.SITE_RULE)
    changed = _set(on=False, actor=actor)
    if changed:
        record(Action.SITE_RULE_DISABLED, actor=actor, changes={RULE: [True, False]})
    return changed


def _set(*, on: bool, actor: User) -> bool:
    SiteRule.objects.get_or_create(pk=THE_ONE)
    rule = SiteRule.objects.filter(pk=THE_ONE, factor_demanded=not on)
    return bool(rule.update(factor_demanded=on, changed_at=timezone.now(), changed_by=actor))
