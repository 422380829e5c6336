"""Acts on many people, as the queue's worker does them: people per second, beside what is to be reached.

100,000 people in two minutes are 834 a second. So that this takes a minute and not twenty, each act meets BENCH_BULK
people (5,000); a step costs the same however many are to come.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time, thread_time

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


def measure(database: str) -> bool:
    """Run every act on everybody."""
    import django

    django.setup()
    import logging

    from django.contrib.auth.hashers import make_password
    from django.core.management import call_command
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
    print(f"{database}: an act on {PEOPLE:,} people, {AIM:.0f} a second to be reached", flush=True)
    for act in ORDER:
        run = BulkRun.objects.create(owner=admin.pk, act=act, listed=True, begun_at=timezone.now(), total=PEOPLE)
        BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in people), batch_size=500)
        start, own, cpu = perf_counter(), thread_time(), process_time()
        running.work(run.pk)
        rate = PEOPLE / (perf_counter() - start)
        print(
            f"    CPU per person: {1000 * (thread_time() - own) / PEOPLE:.2f} ms, with mail {1000 * (process_time() - cpu) / PEOPLE:.2f} ms"
        )
        run.refresh_from_db()
        assert (run.changed, run.stopped) == (PEOPLE, ""), run
        reached = reached and rate >= AIM
        verdict = "reached" if rate >= AIM else "NOT REACHED"
        print(f"  {act:<12}{rate:>8.0f} a second, 100,000 in {100_000 / rate:>4.0f} s  ≤ 120 s {verdict}", flush=True)
    assert AuditEvent.objects.filter(details__has_key="run").count() == len(ORDER) * PEOPLE
    return reached


if __name__ == "__main__":
    sys.exit(0 if (measure(sys.argv[1]) if sys.argv[1:] else main()) else 1)
