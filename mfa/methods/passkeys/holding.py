"""Who has a passkey that is in use, and who was asked for one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from mfa.models import Passkey, PasskeyRequest

if TYPE_CHECKING:
    from django.db.models import QuerySet

HELD = ("held_passkey", "held_request")


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with whether its person, to whom `to` leads ("user__"), has one and was asked for one."""
    person = OuterRef(f"{to}pk")
    return rows.annotate(
        held_passkey=Exists(Passkey.objects.filter(suspended_at=None, user=person)),
        held_request=Exists(PasskeyRequest.objects.filter(user=person)),
    )
