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
