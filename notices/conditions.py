"""Which lines of an action are told by mail: the conditions in the table of notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.authorization import helped
from audit.vocabulary import Action
from mfa.policy import Method

if TYPE_CHECKING:
    from audit.models import AuditEvent

FEW_CODES = 3


def always(event: AuditEvent) -> bool:
    return True


def others(event: AuditEvent) -> bool:
    """Was it done by an administrator, on a page or on the command line?"""
    return on_the_server(event) or (event.actor_id is not None and event.actor_id != event.subject_id)


def others_who_can_sign_in(event: AuditEvent) -> bool:
    """The same, of somebody with a password: whoever has none yet is told by what the invitation leads to."""
    return others(event) and event.subject is not None and event.subject.has_usable_password()


def others_told_now(event: AuditEvent) -> bool:
    """Was it done by others, to so few?"""
    return others(event) and not_told_later(event)


def not_told_later(event: AuditEvent) -> bool:
    """Are they few enough to be told in the transaction of the act?"""
    return "told_later" not in event.details


def on_the_server(event: AuditEvent) -> bool:
    """Was it done on the command line, by somebody of whom no more is known?"""
    return "shell" in event.details


def told_to_administrators(event: AuditEvent) -> bool:
    """Is it an act of the command line? Sessions end there together with something that is told by itself."""
    return on_the_server(event) and event.action != Action.SESSIONS_ENDED


def removed(event: AuditEvent) -> bool:
    changes = event.details.get("changes", {})
    return any(changes.get(name, [0])[0] for name in ("authenticator_apps", "recovery_codes"))


def few_codes_left(event: AuditEvent) -> bool:
    return int(event.details.get("left", 0)) < FEW_CODES


def failed_beyond_the_password(event: AuditEvent) -> bool:
    """Was a second factor, or what stands for one, looked at, and not right?"""
    looked_at = event.details.get("reason") != "Throttled"
    return looked_at and bool(set(event.details.get("methods", ())) - {Method.PASSWORD})


def somebody_helps(event: AuditEvent) -> bool:
    """Is there an administrator who can let the person in again?"""
    return event.subject is not None and helped(event.subject)
