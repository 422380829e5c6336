"""Database and static files of this version, made by one process at a time: of one machine, or of several.

The lock lies beside what it guards, because migrations begin and end transactions of their own; it goes with the process
that holds it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.db import OperationalError, connection

from m2v.start import missing_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

UPGRADE_LOCK = int.from_bytes(b"upgrade")  # among the advisory locks of our database on PostgreSQL
DEADLOCK, MOST_TRIES = "40P01", 10
LONGEST_UPGRADE = 86_400_000  # milliseconds, the longest that anybody waits on SQLite


def upgrade(*, waits: Callable[[], None]) -> int:
    """Collect the static files, migrate; how many migrations there were to do. Calls `waits` if somebody is at it already.

    Files first: who serves the version before finds them from then on, and nothing refers to them before that.
    Files of earlier versions stay, for pages that are open.
    """
    with alone(waits):
        call_command("collectstatic", interactive=False, verbosity=0)
        missing = len(missing_migrations())
        if missing:
            _migrate()
    return missing


def _migrate() -> None:
    """Whoever works meanwhile may wait for a table that a migration holds, and hold one that it wants.

    PostgreSQL then ends one of the two. Where that is the migration, nothing of it was done, and it is begun again.
    """
    for attempts_left in reversed(range(MOST_TRIES)):
        try:
            call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        except OperationalError as trouble:
            if getattr(trouble.__cause__, "sqlstate", "") != DEADLOCK or not attempts_left:
                raise
        else:
            return


@contextmanager
def alone(waits: Callable[[], None]) -> Iterator[None]:
    """Within, nobody else upgrades the same database."""
    with _on_postgresql(waits) if connection.vendor == "postgresql" else _on_sqlite(waits):
        yield


@contextmanager
def _on_postgresql(waits: Callable[[], None]) -> Iterator[None]:
    second = connection.copy()
    try:
        second.set_autocommit(False)
        with second.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            # Of a transaction, not of a session: a pool of connections (pgbouncer) keeps a session for nobody.
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            if not cursor.fetchone()[0]:
                waits()
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [UPGRADE_LOCK])
            yield
    finally:
        second.close()


@contextmanager
def _on_sqlite(waits: Callable[[], None]) -> Iterator[None]:
    with closing(sqlite3.connect(f"{connection.settings_dict['NAME']}-upgrade", 0, isolation_level=None)) as beside:
        try:
            beside.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            waits()
            beside.execute(f"PRAGMA busy_timeout = {LONGEST_UPGRADE}")
            beside.execute("BEGIN EXCLUSIVE")
        yield
