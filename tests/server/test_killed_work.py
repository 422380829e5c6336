"""The worker is killed in the middle of an act on many: the next one does what is left, and nothing twice."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from tests.server.site import within

MANY = 4000
BEGIN = f"""
from accounts.models import Role, User
from companies.bulk import choosing, running
from companies.models import BulkPerson, BulkRun
nina = User.objects.create_user("nina", role=Role.ADMINISTRATOR)
# People of its own, in no mail's way: the other tests sign in as those whom the folder came with.
User.objects.bulk_create((User(username=f"many{{number}}", password="!") for number in range({MANY})), batch_size=500)
them = User.objects.filter(username__startswith="many").values_list("pk", flat=True)
run = BulkRun.objects.create(owner=nina.pk, act="sign_out", listed=True)
BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in them), batch_size=500)
running.begin(run, actor=nina, total={MANY}, signs_out=False)
print(run.pk.hex)
"""
# A minute of silence has gone by, and somebody goes on with it, as the page then offers.
GO_ON = """
from datetime import timedelta
from django.utils import timezone
from companies.bulk import running
from companies.models import BulkRun
long_ago = timezone.now() - timedelta(minutes=5)
BulkRun.objects.filter(pk="{run}").update(beat=long_ago, begun_at=long_ago)
print(running.go_on(BulkRun.objects.get(pk="{run}")))
"""


def asked(site, statement, *values):
    with closing(sqlite3.connect(site.folder / "data" / "m2v.sqlite3", timeout=20)) as database:
        return database.execute(statement, values).fetchone()


def done_of(site, run):
    return asked(site, "SELECT changed, ended_at FROM companies_bulkrun WHERE id = ?", run)


def written(site):
    """Lines about these people, how many of them there are lines about, and how many were signed out once."""
    return asked(
        site,
        "SELECT count(*), count(DISTINCT subject_id), count(*) FILTER (WHERE session_epoch = 1) FROM audit_auditevent e"
        " JOIN accounts_user u ON u.id = e.subject_id WHERE action = 'sessions_ended' AND username LIKE 'many%'",
    )


def worker_of(site):
    """The one process that does what waits in the queue."""
    [pid] = [
        int(each.name)
        for each in Path("/proc").iterdir()
        if each.name.isdecimal() and is_worker(each, site.process.pid)
    ]
    return pid


def is_worker(process, server):
    try:
        command = (process / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it has ended
        return False
    return b"work" in command and str(server).encode() in command


def wait_for(what, seconds):
    end = monotonic() + within(seconds)
    while not what():
        assert monotonic() < end, f"not within {within(seconds):.0f} seconds"
        sleep(0.05)


def test_a_worker_that_is_killed_in_the_middle_leaves_nothing_half_done_and_nothing_twice(site):
    run = site.manage("shell", "--no-imports", "-c", BEGIN).split()[-1]
    wait_for(lambda: done_of(site, run)[0] > 0, 60)

    killed = worker_of(site)
    os.kill(killed, signal.SIGKILL)
    wait_for(lambda: not Path(f"/proc/{killed}").exists(), 10)

    done, ended = done_of(site, run)
    assert 0 < done < MANY
    assert not ended
    assert written(site) == (done, done, done), "a step was done or not"

    assert "True" in site.manage("shell", "--no-imports", "-c", GO_ON.format(run=run))
    wait_for(lambda: done_of(site, run)[1], 60)

    assert done_of(site, run)[0] == MANY
    assert worker_of(site) != killed
    assert written(site) == (MANY, MANY, MANY)
