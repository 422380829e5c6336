"""Which lines of an action are told by mail: the conditions in the table of notices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from accounts.authorization import helped
from mfa.policy import Method

if TYPE_CHECKING:
    from audit.models import AuditEvent

FEW_CODES = 3


def always(event: AuditEvent) -> bool:
    return True


def others(event: AuditEvent) -> bool:
    """Was it done by an administrator?"""
    return event.actor_id is not None and event.actor_id != event.subject_id


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
