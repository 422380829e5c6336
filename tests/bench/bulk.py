"""Acts on many people, as the queue's worker does them: people per second, beside what is to be reached.

100,000 people in two minutes are 833 a second, which is 1.2 milliseconds for each. So that this takes a minute and not
twenty, each act meets BENCH_BULK people (5,000), of whom every other has an address and is told by mail what they are
told; a step costs the same however many are to come. Beside the clock stands what it takes of a processor, in this process
and in PostgreSQL's, which other work on the machine changes less; all the statements of a step come one after the other.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.timing import Taken, load

PEOPLE = int(os.environ.get("BENCH_BULK", "5000"))
AIM = 100_000 / 120
ROOT = Path(__file__).resolve().parent.parent.parent
# Each act, and the one that undoes it.
ORDER = ("require", "stop", "request", "withdraw", "sign_out", "deactivate")


def main() -> bool:
    """Both databases, each in a process and a folder of its own; is all reached?"""
    from tests.with_postgres import postgres

    with TemporaryDirectory(prefix="m2v-bulk-") as folder:
        reached = _measured("SQLite", {"DATA_DIR": f"{folder}/sqlite"})
        with postgres() as address:
            return _measured("PostgreSQL", {"DATA_DIR": f"{folder}/postgres", "DATABASE_URL": address}) and reached


def _measured(database: str, environment: dict[str, str]) -> bool:
    said = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "m2v.settings"}
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.bulk", database]
    return subprocess.run(command, cwd=ROOT, env=said, check=False).returncode == 0


def target(milliseconds: float) -> str:
    """Whether it is reached where each person takes so long."""
    return " reached" if milliseconds <= 1000 / AIM else " NOT REACHED"


def measure(database: str) -> bool:
    """Run every act on everybody."""
    import django

    django.setup()
    import logging
    from collections import Counter

    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
    from django.db import connection
    from django.utils import timezone

    from accounts.models import Role, User
    from audit.models import AuditEvent
    from companies.bulk import running
    from companies.models import BulkPerson, BulkRun, Company

    logging.disable(logging.INFO)
    call_command("migrate", verbosity=0)
    company = Company.objects.create(name="Acme")
    admin = User.objects.create_user("petra", role=Role.ADMINISTRATOR)
    password = make_password("a very long walk by the sea")
    User.objects.bulk_create(
        (
            User(username=f"p{n}", email=f"p{n}@acme.example" if n % 2 else "", password=password, company=company)
            for n in range(PEOPLE)
        ),
        batch_size=500,
    )
    reached = True
    people = list(User.objects.exclude(pk=admin.pk).values_list("pk", flat=True))
    print(f"{database}: an act on {PEOPLE:,} people, {AIM:.0f} a second to be reached, {load()}", flush=True)
    for act in ORDER:
        run = BulkRun.objects.create(owner=admin.pk, act=act, listed=True, begun_at=timezone.now(), total=PEOPLE)
        BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in people), batch_size=500)
        taken, sent = Taken(), Counter[str]()

        def counted(execute: Any, sql: str, *rest: Any, sent: Counter[str] = sent) -> Any:
            sent["statements"] += 1
            return execute(sql, *rest)

        with taken, connection.execute_wrapper(counted):
            running.work(run.pk)
        run.refresh_from_db()
        assert (run.changed, run.stopped) == (PEOPLE, ""), run
        [clock], [cpu] = taken.clock, taken.cpu
        reached = reached and clock / PEOPLE <= 1000 / AIM
        print(
            f"  {act:<12}{1000 * PEOPLE / clock:>6.0f} a second{target(clock / PEOPLE)}, by CPU {1000 * PEOPLE / cpu:>5.0f}"
            f"{target(cpu / PEOPLE)}: {cpu / PEOPLE:.2f} ms and {sent['statements'] / PEOPLE:.2f} statements for each",
            flush=True,
        )
    assert AuditEvent.objects.filter(details__has_key="run").count() == len(ORDER) * PEOPLE
    return reached


if __name__ == "__main__":
    sys.exit(0 if (measure(sys.argv[1]) if sys.argv[1:] else main()) else 1)
