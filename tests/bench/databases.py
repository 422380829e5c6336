"""Runs a module of benchmarks on SQLite and then on PostgreSQL, each in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import TYPE_CHECKING

from tests.with_postgres import postgres

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db import models

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = "here"  # what a module is told when it is to measure, on the database that is named


def on_both(module: str) -> bool:
    """Was everything reached on both?"""
    return all([_on(module, server) for server in (False, True)])  # noqa: C419  # the second also where the first missed


def _on(module: str, server: bool) -> bool:
    with TemporaryDirectory(prefix="m2v-bench-") as folder, postgres() if server else nullcontext("") as url:
        environment = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.bench.inside_settings", "DATA_DIR": folder}
        environment["DATABASE_URL"] = url
        run = subprocess.run([sys.executable, "-m", module, HERE], cwd=ROOT, env=environment, check=False)
    return run.returncode == 0


@contextmanager
def filled_at_once(model: type[models.Model]) -> Iterator[None]:
    """One transaction, in which rows of `model` are added by the million: its indexes are made at the end.

    Nobody checks what is added: the table's own triggers and its foreign keys are away meanwhile. Only for a database
    that is thrown away afterwards.
    """
    from django.db import connection, transaction

    table, sqlite = model._meta.db_table, connection.vendor == "sqlite"
    triggers: list[tuple[str, str]] = []
    with connection.cursor() as cursor:
        if sqlite:
            cursor.execute("PRAGMA synchronous = OFF")
            cursor.execute("PRAGMA cache_size = -1000000")
            cursor.execute("PRAGMA foreign_keys = OFF")
            cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [table])
            triggers = cursor.fetchall()
        else:
            cursor.execute("SET maintenance_work_mem = '1GB'")
            cursor.execute("SET session_replication_role = replica")
    with transaction.atomic(), connection.cursor() as cursor:
        for name, _made in triggers:
            cursor.execute(f"DROP TRIGGER {name}")
        for index in model._meta.indexes:
            cursor.execute(f"DROP INDEX {index.name}")
        yield
        for index in model._meta.indexes:
            cursor.execute(str(index.create_sql(model, connection.schema_editor())))
        for _name, made in triggers:
            cursor.execute(made)
    connection.close()  # the next one has the settings that the product gives it


@contextmanager
def ended_after(seconds: int) -> Iterator[None]:
    """Statements within are ended by the database, with an OperationalError, so long after the beginning at the latest."""
    from django.db import connection

    connection.ensure_connection()
    if connection.vendor == "sqlite":
        end = monotonic() + seconds
        connection.connection.set_progress_handler(lambda: monotonic() > end, 100_000)
    else:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = '{seconds}s'")
    try:
        yield
    finally:
        if connection.vendor == "sqlite":
            connection.connection.set_progress_handler(None, 0)
        else:
            with connection.cursor() as cursor:
                cursor.execute("RESET statement_timeout")
