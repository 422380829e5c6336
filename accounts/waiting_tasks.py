"""What waits in the queue: much of it, or old, means that no worker runs. And what became of the rest, for some weeks."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.db.models import Count, Min
from django.tasks import TaskResultStatus
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

TASKS_KEPT_DAYS = 30


class WaitingTasks(NamedTuple):
    """How many tasks nobody has begun, and for how long the first of them has waited."""

    number: int
    longest: timedelta

    @property
    def minutes(self) -> int:
        return int(self.longest.total_seconds() // 60)


def waiting_tasks() -> WaitingTasks:
    """What waits now."""
    found = DBTaskResult.objects.ready().order_by().aggregate(number=Count("pk"), first=Min("enqueued_at"))
    return WaitingTasks(found["number"], timezone.now() - found["first"] if found["first"] else timedelta())


def forget_old_tasks() -> int:
    """Delete those of some weeks ago that were begun, whether or not they came to an end; how many."""
    begun = DBTaskResult.objects.exclude(status=TaskResultStatus.READY)
    return begun.filter(enqueued_at__lt=timezone.now() - timedelta(days=TASKS_KEPT_DAYS)).delete()[0]
