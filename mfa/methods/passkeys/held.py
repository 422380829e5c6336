"""The passkeys that somebody has, and what they were asked for: asked about, taken out of use, and away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef
from django.utils import timezone

from mfa.models import Passkey, PasskeyRequest

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import User

HELD = ("held_passkey", "held_request")


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with whether its person, to whom `to` leads ("user__"), has one and was asked for one."""
    person = OuterRef(f"{to}pk")
    return rows.annotate(
        held_passkey=Exists(Passkey.objects.filter(suspended_at=None, user=person)),
        held_request=Exists(PasskeyRequest.objects.filter(user=person)),
    )


def number_in_use(person: User) -> int:
    """How many somebody could sign in with."""
    return Passkey.objects.filter(user=person, suspended_at=None).count()


def suspend(passkey: Passkey) -> bool:
    """Let it prove nothing any more; False where it is suspended already."""
    return bool(Passkey.objects.filter(pk=passkey.pk, suspended_at=None).update(suspended_at=timezone.now()))


def remove(passkey: Passkey) -> bool:
    """Delete it; False where it is gone already."""
    return bool(Passkey.objects.filter(pk=passkey.pk).delete()[0])
