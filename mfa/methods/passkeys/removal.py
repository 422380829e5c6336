"""A passkey taken out of use, or away."""

from __future__ import annotations

from django.utils import timezone

from mfa.models import Passkey


def suspend(passkey: Passkey) -> bool:
    """Let it prove nothing any more; False where it is suspended already."""
    return bool(Passkey.objects.filter(pk=passkey.pk, suspended_at=None).update(suspended_at=timezone.now()))


def remove(passkey: Passkey) -> bool:
    """Delete it; False where it is gone already."""
    return bool(Passkey.objects.filter(pk=passkey.pk).delete()[0])
