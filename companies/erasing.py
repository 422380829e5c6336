"""Erasing a person: what is kept of them goes, and a pseudonym stands in the place of their name. It cannot be undone.

Their key stays, so that lines of the audit, which are sealed, lead to somebody: nobody can tell any more to whom.
"""

from __future__ import annotations

from secrets import token_hex
from typing import Any

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.authorization import NotPermitted, one_administrator_stays
from accounts.background import waiting
from accounts.models import PendingAddress, User
from accounts.owed import forget_mail_to
from accounts.people import end_all_sessions
from accounts.permissions import Permission
from accounts.text import fold_address
from accounts.throttle import budgets
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies.bulk.models import BulkRun
from companies.importing.models import Import
from companies.models import Reminder
from mfa.holding import hold_everything
from mfa.methods import passkeys
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode

# What a profile holds afterwards. Key, company, role and when it was made stay: past days are counted by them.
NOTHING: dict[str, Any] = {
    "first_name": "",
    "last_name": "",
    "email": "",
    "language": "",
    "browser_language": None,
    "password_is_short": False,
    "is_active": False,
    "last_sign_in_at": None,
    "locked_at": None,
    "locked_by": None,
    "two_factor_enabled": False,
    "two_factor_changed_at": None,
    "two_factor_changed_by": None,
}
FOLDED = ("username_folded", "email_folded", "search_text")


@transaction.atomic
def erase(person: User, *, actor: User | None) -> str:
    """Erase what is kept of `person`, who cannot sign in from then on; the pseudonym.

    Raises NotPermitted for oneself, LastAdministrator where nobody could administer any more, and OutOfReach for whoever
    is erased already.
    """
    kept = hold_everything(person, actor=actor, needs=Permission.ERASE)
    if kept == actor:
        raise NotPermitted
    changes = _undone(kept)
    forget_mail_to(_addresses_of(kept))
    _forget_factors(kept)
    _forget_work(kept)
    end_all_sessions(User.objects.filter(pk=kept.pk))
    budgets.forget(kept)
    pseudonym = f"erased-{token_hex(6)}"
    gone = {**NOTHING, "username": pseudonym, "password": make_password(None), "erased_at": timezone.now()}
    for field, value in gone.items():
        setattr(kept, field, value)
    with one_administrator_stays(kept):
        kept.save(update_fields=[*gone, *FOLDED])
    record(Action.USER_ERASED, actor=actor, subject=kept, changes=changes)
    return pseudonym


def _undone(person: User) -> dict[str, list[int | bool]]:
    """What is true of `person` before, and after, as the audit says it of other acts."""
    before: dict[str, int | bool] = {
        "authenticator_apps": AuthenticatorApp.objects.filter(user=person, confirmed=True).count(),
        "passkeys": passkeys.number_in_use(person),
        "requests": PasskeyRequest.objects.filter(user=person).count(),
        "is_active": person.is_active,
        "two_factor_enabled": person.two_factor_enabled,
        "locked": person.locked_at is not None,
    }
    return {name: [value, type(value)()] for name, value in before.items() if value}


def _addresses_of(person: User) -> set[str]:
    """Every address that `person` has, had or was to have, folded, but those that are somebody else's by now."""
    lines = AuditEvent.objects.filter(subject=person, action__in=(Action.USER_CREATED, Action.USER_CHANGED))
    changed = (details.get("changes", {}).get("email", ()) for details in lines.values_list("details", flat=True))
    pending = PendingAddress.objects.filter(user=person).values_list("email", flat=True)
    named = {person.email, *pending, *(address for both in changed for address in both)}
    found = {fold_address(address) for address in named if address}
    others = User.objects.filter(email_folded__in=found).exclude(pk=person.pk)
    return found - set(others.values_list("email_folded", flat=True))


def _forget_factors(person: User) -> None:
    """What they hold, what a reset put apart, and what was asked of them."""
    for held in (AuthenticatorApp, RecoveryCode, Passkey):
        held.everything.filter(user=person).delete()
    for asked in (AccessPass, PasskeyRequest):
        asked.objects.filter(user=person).delete()
    Reminder.objects.filter(person=person.pk).delete()


def _forget_work(person: User) -> None:
    """The files that they sent, but for one that is gone through now, and from where they acted on many."""
    Import.objects.filter(Q(ended_at__isnull=False) | waiting(), owner=person.pk).delete()
    BulkRun.objects.filter(owner=person.pk).update(address=None, browser="")
