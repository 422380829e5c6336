"""The embedded default, as `make run` has it, on a disk that is full: 503, nothing half done, and well again by itself.

The disk is a small one in memory (tmpfs), which only root may mount. No other way says the same to SQLite: a limit of the
process for the size of its files is another error (EFBIG, and a signal), and a limit within SQLite is one connection's.
"""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
from contextlib import ExitStack, closing
from time import sleep, time
from typing import TYPE_CHECKING

import pytest

from tests.cluster import table
from tests.cluster.crowd import FILL, Crowd
from tests.cluster.databases import wait_until
from tests.cluster.machines import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

SIZE = 48_000_000
MANY = 4000
BEGIN = f"""
from accounts.models import Role, User
from companies.bulk import running
from companies.models import BulkPerson, BulkRun
nina = User.objects.create_user("nina", role=Role.ADMINISTRATOR)
User.objects.bulk_create((User(username=f"many{{number}}", password="!") for number in range({MANY})), batch_size=500)
them = User.objects.filter(username__startswith="many").values_list("pk", flat=True)
run = BulkRun.objects.create(owner=nina.pk, act="sign_out", listed=True)
BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in them), batch_size=500)
running.begin(run, actor=nina, total={MANY}, signs_out=False)
"""
STAYS_FULL = 10  # seconds, from the first answers that say so
MAIL = re.compile(r"^Message-ID: (<[^>]+>)$.*?^-{79}$", re.MULTILINE | re.DOTALL)


class Site:
    """One server on a disk of its own, and the crowd that uses it."""

    def __init__(self, machine: Machine, crowd: Crowd) -> None:
        self.machine, self.crowd = machine, crowd
        self.disk = machine.folder / "data"
        self.database, self.ballast = self.disk / "m2v.sqlite3", self.disk / "ballast"

    def fill(self) -> None:
        """To the last byte."""
        with self.ballast.open("ab", buffering=0) as file:
            for size in (1_000_000, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:  # this much does not fit any more
                    continue

    def asked(self) -> AbstractContextManager[table.Ask]:
        return table.sqlite(self.database)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        with self.asked() as ask:
            return ask(statement)

    def acted_on(self) -> tuple[int, bool]:
        [[changed, ended]] = self.ask(
            "SELECT changed, ended_at IS NOT NULL FROM companies_bulkrun WHERE act = 'sign_out'"
        )
        return int(str(changed)), bool(ended)

    def refused(self, since: float) -> int:
        return sum(answer.honest for answer in list(self.crowd.seen.answers) if answer.began > since)

    def mails(self) -> set[str]:
        """Those that were written whole."""
        return {found for file in (self.disk / "outbox").iterdir() for found in MAIL.findall(file.read_text())}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    machine = Machine(tmp_path / "machine", {"PATH": os.defpath, "WORKERS": "2"})
    disk = machine.folder / "data"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("Nobody may mount a small disk here: run it as root, or by `unshare --map-root-user --mount`.")
    with ExitStack() as ends:
        ends.callback(subprocess.run, ["umount", "--lazy", str(disk)], check=True)
        machine.manage("upgrade")
        keys = [line.split()[1] for line in machine.manage("shell", "--no-imports", "-c", FILL).splitlines()]
        ends.callback(machine.end)
        machine.start()
        machine.wait_until_ready()
        crowd = Crowd(f"http://localhost:{machine.port}", keys)
        ends.callback(crowd.stop)
        crowd.start()
        wait_until(crowd.is_at_it, 240, crowd.shown)
        yield Site(machine, crowd)


def test_a_full_disk_under_the_embedded_default(site: Site) -> None:
    with table.failing(site.crowd, "the disk, full (SQLite)", site.asked, site.machine.lines_of) as row:
        site.machine.manage("shell", "--no-imports", "-c", BEGIN)
        wait_until(lambda: site.acted_on()[0] > 0, 60)
        full_from = time()
        site.fill()
        wait_until(lambda: site.refused(full_from) >= 10, 60, site.crowd.shown)
        doctor = site.machine.run("doctor")
        sleep(STAYS_FULL)
        left_at, ended = site.acted_on()
        site.ballast.unlink()
    assert "has room for 0 MB more. Make room" in doctor.stderr
    assert doctor.returncode == 1
    assert not ended, "an act on many was on its way when the disk was full"
    assert left_at < MANY
    told = [line for line in site.machine.lines() if line["message"] == "the disk of the database is full"]
    assert {line["error"] for line in told} == {"OperationalError: database or disk is full"}
    assert row.failures >= 10

    wait_until(lambda: site.acted_on() == (MANY, True), 150, lambda: str(site.acted_on()))
    sessions_ended = site.ask(
        "SELECT count(*), count(DISTINCT subject_id) FROM audit_auditevent WHERE action = 'sessions_ended'"
    )
    assert sessions_ended == [(MANY, MANY)]
    accepted = len(site.crowd.seen.accepted)
    wait_until(lambda: len(site.crowd.seen.accepted) > accepted, 90, site.crowd.shown)

    site.crowd.stop()
    with closing(sqlite3.connect(site.database, timeout=20)) as database, database:
        database.execute(table.LATER)
    wait_until(lambda: all(table.fates(site.asked).values()), 120)
    row.count_mails(table.fates(site.asked), site.mails())
    print(table.HEAD, row.line(), sep="\n")
    assert row.arrived == len(row.owed) > 0
    site.machine.manage("audit_verify")
