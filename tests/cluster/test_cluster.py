"""A part fails while people click and sign in: nobody loses what was acknowledged, no mail, and is told when to come again."""

from __future__ import annotations

import os
import re
import signal
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic, sleep, time
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.cluster.crowd import CLICKING
from tests.cluster.databases import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cluster.conftest import Cluster

BEFORE, CALM = 6, 6  # seconds of clicking before a failure, and of clicking without any after it
WELL_AGAIN = 60  # seconds, at most, until all is well
CLAIMED = 300  # seconds that a killed worker's claim on a mail lasts

NAMES = """
SELECT details->'changes'->'first_name'->>0, details->'changes'->'first_name'->>1 FROM audit_auditevent
WHERE action = 'user_changed' AND subject_id = (SELECT id FROM accounts_user WHERE username = %s) ORDER BY id
"""
SIGN_INS = """
SELECT count(*) FROM audit_auditevent WHERE action = 'signed_in'
AND subject_id = (SELECT id FROM accounts_user WHERE username = %s)
"""
OWED = "SELECT message_id FROM accounts_owedmail WHERE created_at BETWEEN to_timestamp(%s) AND to_timestamp(%s)"


@dataclass
class Row:
    """What happened, from its first second to its last."""

    title: str
    began: float
    ended: float = 0
    requests: int = 0
    failures: int = 0
    outage: float = 0
    acts: int = 0
    missing: int = 0
    half_done: int = 0
    codes: int = 0
    twice: int = 0
    owed: set[str] = field(default_factory=set)
    arrived: int = 0

    def line(self) -> str:
        told = f"{self.acts} / {self.missing}", self.half_done, f"{self.codes} / {self.twice}"
        cells = (
            self.title,
            self.requests,
            self.failures,
            f"{self.outage:.1f}",
            *told,
            f"{len(self.owed)} / {self.arrived}",
        )
        return f"| {' | '.join(map(str, cells))} |"


HEAD = """
| what fails | requests | failures | seconds of outage | acts acknowledged / line missing | half done | codes right / twice | mails owed / arrived |
| --- | --- | --- | --- | --- | --- | --- | --- |"""
rows: list[Row] = []


@contextmanager
def failing(cluster: Cluster, title: str, *, direct: str = "") -> Iterator[None]:
    """A row: some clicking, the failure, and clicking until no request failed for a while."""
    seen, row = cluster.crowd.seen, Row(title, time())
    sleep(BEFORE)
    yield
    end = monotonic() + WELL_AGAIN
    calm_from = time()
    while time() < calm_from + CALM:
        sleep(0.5)
        failed = [answer.ended for answer in list(seen.answers) if answer.failed and answer.ended > calm_from]
        calm_from = max(failed, default=calm_from)
        assert monotonic() < end, f"{title}: requests fail still: {seen.answers[-5:]}"
    row.ended = time()
    answers = [answer for answer in list(seen.answers) if row.began <= answer.ended < row.ended]
    failures = [answer for answer in answers if answer.failed]
    row.requests, row.failures = len(answers), len(failures)
    if failures:
        row.outage = max(answer.ended for answer in failures) - min(answer.began for answer in failures)
    with psycopg.connect(direct or cluster.primary.direct) as database:
        look(row, cluster, database)
    rows.append(row)
    print(row.line(), flush=True)
    assert row.acts > 0
    assert [answer for answer in failures if not answer.honest] == []
    assert (row.missing, row.half_done, row.twice, dict(seen.strange)) == (0, 0, 0, {})


def look(row: Row, cluster: Cluster, database: psycopg.Connection[tuple[object, ...]]) -> None:
    """Is what people were told true?"""
    seen = cluster.crowd.seen
    acts = [(whose, name) for at, whose, name in list(seen.acts) if row.began <= at < row.ended]
    kept = {}
    for username in (f"click{number}" for number in range(CLICKING)):
        # One transaction: the name and its lines as they are at the same moment.
        with database.transaction():
            database.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            lines = database.execute(NAMES, [username]).fetchall()
            [now] = database.execute(
                "SELECT first_name FROM accounts_user WHERE username = %s", [username]
            ).fetchone() or [None]
        kept[username] = {after for _before, after in lines}
        names = ["", *(after for _before, after in lines)]
        row.half_done += [before for before, _after in lines] != names[:-1]
        row.half_done += now != names[-1]
    row.acts, row.missing = len(acts), sum(name not in kept[whose] for whose, name in acts)
    codes = [(whose, step) for at, whose, step in list(seen.accepted) if row.began <= at < row.ended]
    row.codes, row.twice = len(codes), len(codes) - len(set(codes))
    for username in {whose for whose, _step in list(seen.tried)}:
        tried = sum(whose == username for whose, _step in list(seen.tried))
        [times] = database.execute(SIGN_INS, [username]).fetchone() or [0]
        row.twice += max(0, int(str(times)) - tried)
    row.owed = {str(message_id) for [message_id] in database.execute(OWED, [row.began, row.ended]).fetchall()}


def test_a_process_that_serves_is_killed(cluster: Cluster) -> None:
    with failing(cluster, "a web process, `kill -9`; it comes back by itself"):
        [killed] = cluster.machines[0].children(of_the_queue=False)
        os.kill(killed, signal.SIGKILL)


def test_a_machine_is_killed_and_started_again(cluster: Cluster) -> None:
    with failing(cluster, "all processes of one machine of three, `kill -9`, started again after 5 s"):
        cluster.machines[1].kill()
        sleep(5)
        cluster.machines[1].start()
        cluster.machines[1].wait_until_ready()


def test_the_workers_of_the_queue_are_killed(cluster: Cluster) -> None:
    with failing(cluster, "the queue's workers of all machines, `kill -9`; they come back by themselves"):
        killed = [pid for machine in cluster.machines for pid in machine.children(of_the_queue=True)]
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: all(set(machine.children(of_the_queue=True)) - set(killed) for machine in cluster.machines), 30
        )

    assert len(killed) == len(cluster.machines)


def test_postgresql_is_restarted(cluster: Cluster) -> None:
    with failing(cluster, "PostgreSQL, a quick restart"):
        cluster.primary.stop()
        cluster.primary.start()


def test_postgresql_is_away_for_twenty_seconds(cluster: Cluster) -> None:
    with failing(cluster, "PostgreSQL, stopped for 20 s"):
        cluster.primary.stop()
        sleep(20)
        cluster.primary.start()


def test_postgresql_is_killed(cluster: Cluster) -> None:
    with failing(cluster, "PostgreSQL, `kill -9`, started again"):
        cluster.primary.kill()
        cluster.primary.start()


def test_the_standby_takes_over(cluster: Cluster) -> None:
    with failing(cluster, "PostgreSQL, `kill -9`; the standby is promoted after 5 s", direct=cluster.standby.direct):
        cluster.primary.kill()
        sleep(5)
        cluster.primary.stop_pool()
        cluster.standby.promote()


@pytest.mark.timeout(CLAIMED + 120)
def test_every_mail_that_was_owed_arrived(cluster: Cluster) -> None:
    cluster.crowd.stop()
    with psycopg.connect(cluster.standby.direct, autocommit=True) as database:
        wait_until(
            lambda: database.execute("SELECT 1 FROM accounts_owedmail WHERE ended_at IS NULL").fetchone() is None,
            CLAIMED + 60,
        )
        ended = dict(database.execute("SELECT message_id, fate FROM accounts_owedmail").fetchall())
    arrived = [re.search(rb"(?im)^message-id:\s*(<[^>]+>)", mail)[1].decode() for mail in list(cluster.mails)]
    for row in rows:
        # Of several that say the same to the same people within a minute, the last is owed.
        row.owed = {message_id for message_id in row.owed if ended[message_id] != "replaced"}
        row.arrived = len(row.owed & set(arrived))
    print(HEAD, *(row.line() for row in rows), sep="\n")
    print(f"of {len(arrived)} mails, {len(arrived) - len(set(arrived))} arrived twice, with the same Message-ID")

    assert set(ended.values()) <= {"delivered", "replaced"}
    assert all(len(row.owed) == row.arrived for row in rows)
    assert sum(row.arrived for row in rows) > 0
