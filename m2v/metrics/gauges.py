"""What the database knows, asked when somebody asks. It is the same on every machine: take the greatest, not the sum."""

from __future__ import annotations

import logging
from threading import Lock
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, connection
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from accounts.owed import failed_lately, waiting_mail
from accounts.waiting_tasks import waiting_tasks
from audit.sealing.unsealed import unsealed_lines
from companies.listing.numbers import numbers_of_everybody
from companies.queue import work_given_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import timedelta

    from prometheus_client import Metric

log = logging.getLogger("m2v.metrics")


class Gauges(Collector):
    """One question of all at a time, over a connection that is closed after it."""

    def __init__(self) -> None:
        self._lock = Lock()

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before somebody asks."""
        return ()

    def collect(self) -> Iterable[Metric]:
        """Ask, in the thread of whoever asks."""
        with self._lock:
            try:
                return asked()
            finally:
                connection.close()


def asked() -> list[Metric]:
    """All of them, or that the database is away."""
    try:
        return [_gauge("m2v_database_up", "Does the database answer?", 1), *_of_the_database()]
    except (DatabaseError, InterfaceError):
        log.warning("the database could not be asked", exc_info=True)
        return [_gauge("m2v_database_up", "Does the database answer?", 0)]


def _of_the_database() -> Iterator[Metric]:
    waiting = waiting_mail()
    yield _gauge("m2v_mail_waiting", "Mails that are owed and not delivered yet.", waiting.number)
    yield _gauge(
        "m2v_mail_oldest_seconds",
        "For how long the first of them has waited that its own mailbox does not refuse.",
        _seconds(waiting.longest),
    )
    yield _gauge("m2v_mail_given_up", "Mails that were given up in the last three days.", failed_lately())
    tasks = waiting_tasks()
    yield _gauge("m2v_tasks_waiting", "Tasks of the queue that nobody has begun.", tasks.number)
    yield _gauge("m2v_tasks_oldest_seconds", "For how long the first of them has waited.", _seconds(tasks.longest))
    yield _gauge("m2v_work_given_up", "Acts on many and imports that failed again and again.", work_given_up())
    unsealed = unsealed_lines()
    yield _gauge("m2v_audit_unsealed", "Lines of the audit that are under no checkpoint yet.", unsealed.number)
    yield _gauge("m2v_audit_unsealed_oldest_seconds", "How old the first of them is.", _seconds(unsealed.age))
    people = GaugeMetricFamily("m2v_people", "People, by what lists tell them apart by.", labels=["state"])
    for state, number in numbers_of_everybody().of_each().items():
        people.add_metric([str(state)], number)
    yield people


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _seconds(time: timedelta) -> float:
    return max(time.total_seconds(), 0)
