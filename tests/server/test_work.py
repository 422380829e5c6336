"""What is handed to the queue is done by a process beside the server."""

from __future__ import annotations

from time import monotonic, sleep

from tests.server.site import within

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
