"""Runs a module of benchmarks on SQLite and then on PostgreSQL, each in a process and a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.with_postgres import postgres

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
