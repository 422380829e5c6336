"""How long the numbers of a day are kept."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from companies.snapshots.models import Snapshot

DAYS_OF_A_MONTH = 31


def forget_old_snapshots() -> int:
    """Delete the numbers of days that are longer ago than SNAPSHOT_MONTHS; how many rows. None where it is not set."""
    if not settings.SNAPSHOT_MONTHS:
        return 0
    first = timezone.localdate() - timedelta(days=settings.SNAPSHOT_MONTHS * DAYS_OF_A_MONTH)
    return Snapshot.objects.filter(day__lt=first).delete()[0]
