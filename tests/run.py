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
CORES = max(2, os.cpu_count() or 2)
# Whoever is through with their files takes some of another's; files stay together, with what they have set up.
FAST = ["--ignore=tests/browser", "--ignore=tests/cluster", "-n", str(CORES), "--dist", "worksteal"]
# A page waits for its server and a person for a page, so that there is time for one more.
BROWSER = ["-n", str(CORES + 1), "--dist", "worksteal"]
# They start sites of their own, on SQLite, or ask no database: on PostgreSQL they would do the same again.
ONCE = (
    "tests/server",
    "tests/m2v/test_deployment.py",
    "tests/m2v/test_outages.py",
    "tests/m2v/test_settings.py",
    "tests/fuzz/test_bit_flips.py",
    "tests/fuzz/test_parsers.py",
    "tests/test_architecture.py",
    "tests/test_conformance.py",
    "tests/test_documents.py",
)
COVERAGE = ["--cov", "--cov-report=term"]


def run(title: str, *options: str, **environment: str) -> int:
    """One pytest call, and its exit code."""
    print(f"\n=== {title}", flush=True)
    return subprocess.run([*PYTEST, *options], env=os.environ | environment, check=False).returncode


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
    if missing := [path for path in ONCE if not Path(path).exists()]:
        sys.exit(f"ONCE in tests/run.py names what is not there: {', '.join(missing)}")
    bring_browser()
    # Each has its turn, whatever the one before found: all that is red is seen in one go.
    codes = [run("SQLite, with coverage", "tests", *FAST, *COVERAGE)]
    with postgres() as url:
        codes.append(run("PostgreSQL", "tests", *FAST, *(f"--ignore={path}" for path in ONCE), DATABASE_URL=url))
    codes.append(run("A real browser", "tests/browser", *BROWSER, DJANGO_ALLOW_ASYNC_UNSAFE="1"))
    sys.exit(max(codes))
