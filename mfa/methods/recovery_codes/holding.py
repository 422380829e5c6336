"""Who has recovery codes that are not used yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from django.db.models import QuerySet

HELD = ("held_codes",)


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with whether its person, to whom `to` leads ("user__"), has any."""
    return rows.annotate(held_codes=Exists(RecoveryCode.objects.filter(used_at=None, user=OuterRef(f"{to}pk"))))
