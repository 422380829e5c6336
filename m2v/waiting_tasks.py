"""What waits in the queue: much of it, or old, means that no worker runs."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Min
from django.utils import timezone
from django_tasks_db.models import DBTaskResult


class WaitingTasks(NamedTuple):
    """How many tasks nobody has begun, and for how long the first of them has waited."""

    number: int
    longest: timedelta


def waiting_tasks() -> WaitingTasks:
    """What waits now."""
    found = DBTaskResult.objects.ready().order_by().aggregate(number=Count("pk"), first=Min("enqueued_at"))
    return WaitingTasks(found["number"], timezone.now() - found["first"] if found["first"] else timedelta())
