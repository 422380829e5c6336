"""What is handed to the queue is done by a process beside the server."""

from __future__ import annotations

import signal
import subprocess
from time import monotonic, sleep

from tests.server.site import Site, within

BEGIN = """
from accounts.models import Role, User
from companies.bulk import choosing, running
petra = User.objects.create_user("petra", role=Role.ADMINISTRATOR)
# People of its own: the other tests sign in as those whom the folder came with, and are to be asked for nothing.
asked = [User.objects.create_user(f"asked{number}").pk for number in range(16)]
run = choosing.from_ticked(petra, "request", map(str, asked))
running.begin(run, actor=petra, total=run.total, signs_out=False)
"""
LOOK = """
from companies.models import BulkRun
run = BulkRun.objects.get(act="request")
print(run.changed, run.left, bool(run.ended_at), run.turn)
"""


def test_an_act_on_many_is_done_by_the_worker_that_the_server_starts(site):
    site.manage("shell", "--no-imports", "-c", BEGIN)
    end = monotonic() + within(60)
    said = ""
    while "True" not in said and monotonic() < end:
        sleep(1)
        said = site.manage("shell", "--no-imports", "-c", LOOK)

    assert said.split() == ["16", "0", "True", "1"]


MANY = 60_000
LONG = f"""
from accounts.models import Role, User
from companies.bulk import running
from companies.models import BulkPerson, BulkRun
nina = User.objects.create_user("nina", role=Role.ADMINISTRATOR)
User.objects.bulk_create((User(username=f"many{{number}}", password="!") for number in range({MANY})), batch_size=500)
them = User.objects.filter(username__startswith="many").values_list("pk", flat=True)
run = BulkRun.objects.create(owner=nina.pk, act="require", listed=True)
BulkPerson.objects.bulk_create((BulkPerson(run=run, person=pk) for pk in them), batch_size=500)
running.begin(run, actor=nina, total={MANY}, signs_out=False)
"""
HOW_FAR = """
from companies.models import BulkRun
run = BulkRun.objects.get(act="require")
print(run.changed, bool(run.ended_at), run.beat)
"""


def test_a_worker_of_its_own_that_is_told_once_to_stop_gives_back_what_it_is_at(tmp_path):
    site = Site(tmp_path)  # of its own, for what is left would be done beside the other tests
    site.prepare()
    site.manage("shell", "--no-imports", "-c", LONG)
    with site.log.open("wb") as log:
        worker = subprocess.Popen(
            [*site.program, "worker"], cwd=site.stands, env=site.environment, stdout=log, stderr=log
        )
        try:
            end = monotonic() + within(60)
            while site.manage("shell", "--no-imports", "-c", HOW_FAR).startswith("0 ") and monotonic() < end:
                sleep(0.1)
            worker.send_signal(signal.SIGTERM)
            assert worker.wait(within(30)) == 0
        finally:
            worker.kill()
            worker.wait()
    site.lines()  # all that it wrote was lines of JSON
    changed, ended, beat = site.manage("shell", "--no-imports", "-c", HOW_FAR).split()

    assert 0 < int(changed) < MANY
    assert (ended, beat) == ("False", "None"), "whoever comes next need not wait"
