"""Recovery codes made void."""

from __future__ import annotations

from typing import TYPE_CHECKING

from audit.vocabulary import Action
from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from accounts.models import User


def disable(person: User) -> Action | None:
    """Let none of the codes sign anybody in any more (NIST SP 800-63B-4 section 3.2.2); what to write down."""
    void, _ = RecoveryCode.objects.filter(user=person, used_at=None).delete()
    return Action.RECOVERY_CODES_DISABLED if void else None


def remove(person: User) -> int:
    """Delete all codes, used ones too; how many there were."""
    return RecoveryCode.objects.filter(user=person).delete()[0]
