"""What waits to be sealed: many lines, or old ones, mean that something keeps checkpoints from being made."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Min
from django.utils import timezone

from audit.models import AuditEvent
from audit.sealing.checkpoints import Statement
from audit.sealing.stored import newest_checkpoint


class Unsealed(NamedTuple):
    """How many lines are under no checkpoint, and how old the first of them is."""

    number: int
    age: timedelta


def unsealed_lines() -> Unsealed:
    """Those after the newest checkpoint. Whether it is ours, `proof` looks at."""
    newest = newest_checkpoint()
    sealed = Statement.read(newest.statement).last if newest else 0
    found = AuditEvent.objects.filter(pk__gt=sealed).order_by().aggregate(number=Count("pk"), first=Min("at"))
    return Unsealed(found["number"], timezone.now() - found["first"] if found["first"] else timedelta())
