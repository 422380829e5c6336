"""Everything that `make test` proves after lint and types: SQLite with coverage, PostgreSQL, and a real browser."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from with_postgres import postgres

PYTEST = [sys.executable, "-m", "pytest"]
PARALLEL = ["-n", str(max(2, os.cpu_count() or 2))]
FAST = ["--ignore=tests/browser", *PARALLEL]
COVERAGE = ["--cov", "--cov-report=term"]


def run(title: str, *options: str, **environment: str) -> None:
    """One pytest call; the first that fails ends it all."""
    print(f"\n=== {title}", flush=True)
    done = subprocess.run([*PYTEST, *options], env=os.environ | environment, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def bring_browser() -> None:
    """A Chromium on the PATH does; else Playwright's own, downloaded if need be."""
    if any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        return
    done = subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if done.returncode:
        sys.exit(
            "No Chromium was found, and Playwright could not download one. Install it, on Debian: apt-get install chromium"
        )


if __name__ == "__main__":
    bring_browser()
    run("SQLite, with coverage", "tests", *FAST, *COVERAGE)
    with postgres() as url:
        run("PostgreSQL", "tests", *FAST, DATABASE_URL=url)
    run("A real browser", "tests/browser", *PARALLEL, DJANGO_ALLOW_ASYNC_UNSAFE="1")
