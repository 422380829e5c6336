"""Database and static files of this version, made by one process at a time: of one machine, or of several.

The lock lies beside what it guards, because migrations begin and end transactions of their own; it goes with the process
that holds it.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing, contextmanager
from time import sleep
from typing import TYPE_CHECKING, Any, NamedTuple

from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from django.utils.translation import gettext as _

from companies.listing import upkeep
from m2v.tables import missing_migrations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.db.backends.utils import CursorWrapper

UPGRADE_LOCK = int.from_bytes(b"upgrade")  # among the advisory locks of our database on PostgreSQL
# A migration waits for a table for less than the second after which PostgreSQL looks for those who wait for each other and
# ends one: so it is never somebody at work. Whoever comes later waits behind it no longer, either.
LONGEST_WAIT = 500  # milliseconds
GAVE_UP = {"55P03", "40P01"}  # PostgreSQL: lock_not_available, deadlock_detected
SECONDS_BETWEEN_TRIES, MOST_TRIES = 1, 120
TAKES_A_TABLE = re.compile(r"\s*(ALTER|CREATE|DROP|LOCK|TRUNCATE)\b", re.IGNORECASE)
LONGEST_UPGRADE = 86_400_000  # milliseconds, the longest that anybody waits on SQLite


class Found(NamedTuple):
    """What an upgrade found to do."""

    migrations: int
    lists: bool


def upgrade(*, waits: Callable[[], None]) -> Found:
    """Collect the static files, migrate, put the lists in place. Calls `waits` if somebody is at it already.

    Files first: who serves the version before finds them from then on, and nothing refers to them before that.
    Files of earlier versions stay, for pages that are open. Lists may be left to do alone: by an upgrade that was ended,
    or by a version that fills them otherwise and changes no table.
    """
    with alone(waits):
        call_command("collectstatic", interactive=False, verbosity=0)
        found = Found(len(missing_migrations()), not upkeep.in_place())
        if any(found):
            migrate()
    return found


def migrate() -> None:
    """Migrate, while people are at work: a migration that cannot have a table soon gives up what it holds, and is begun again.

    Raises CommandError where one cannot have a table in all these tries.
    """
    for tries_left in reversed(range(MOST_TRIES)):
        try:
            with connection.execute_wrapper(_wait_briefly):
                call_command("migrate", interactive=False, verbosity=0, skip_checks=False)
        except OperationalError as trouble:
            if getattr(trouble.__cause__, "sqlstate", "") not in GAVE_UP:
                raise
            if not tries_left:
                held = _(
                    "Another program holds a table of the database, such as a backup that is being made. "
                    "Upgrade when it is done."
                )
                raise CommandError(held) from trouble
            sleep(SECONDS_BETWEEN_TRIES)
        else:
            return


def _wait_briefly(execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001  # Django's
    """Of the transaction, not of the session: a pool of connections would hand that on."""
    if connection.vendor == "postgresql" and connection.in_atomic_block and TAKES_A_TABLE.match(str(sql)):
        execute(f"SET LOCAL lock_timeout = {LONGEST_WAIT}", None, False, context)
    return execute(sql, params, many, context)


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
            if not _locks(cursor):
                waits()
                # Asked for again and again: an index that is made beside people at work (CONCURRENTLY) waits for every
                # statement that is going on, and so for one that waits here, which would wait for it.
                while not _locks(cursor):
                    sleep(SECONDS_BETWEEN_TRIES)
            yield
    finally:
        second.close()


def _locks(cursor: CursorWrapper) -> bool:
    """Of a transaction, not of a session: a pool of connections (pgbouncer) keeps a session for nobody."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [UPGRADE_LOCK])
    [locked] = cursor.fetchone()
    return bool(locked)


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
