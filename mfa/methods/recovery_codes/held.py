"""The recovery codes that somebody has: asked about, and made void."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from audit.vocabulary import Action
from mfa.methods.held import delete_all
from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from collections import Counter
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User

HELD = ("held_codes",)


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with whether its person, to whom `to` leads ("user__"), has any."""
    return rows.annotate(held_codes=Exists(RecoveryCode.objects.filter(used_at=None, user=OuterRef(f"{to}pk"))))


def disable(person: User) -> Action | None:
    """Let none of the codes sign anybody in any more (NIST SP 800-63B-4 section 3.2.2); what to write down."""
    void, _ = RecoveryCode.objects.filter(user=person, used_at=None).delete()
    return Action.RECOVERY_CODES_DISABLED if void else None


def remove(*people: User) -> Counter[UUID]:
    """Delete all their codes, which are locked, used ones too; how many there were of whom."""
    return delete_all(RecoveryCode.objects.filter(user__in=[person.pk for person in people]))
