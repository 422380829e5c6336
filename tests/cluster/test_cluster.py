"""A part fails while people click and sign in: nobody loses what was acknowledged, no mail, and is told when to come again."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from time import sleep
from typing import TYPE_CHECKING

import psycopg

from tests.cluster import table
from tests.cluster.databases import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from tests.cluster.conftest import Cluster

ON_THEIR_WAY = 5  # seconds in which mails arrive that a living worker is at
rows: list[table.Row] = []


@contextmanager
def failing(cluster: Cluster, title: str, *, direct: str = "") -> Iterator[None]:
    def asked() -> AbstractContextManager[table.Ask]:
        return table.postgresql(direct or cluster.primary.direct)

    with table.failing(cluster.crowd, title, asked, cluster.lines_of) as row:
        yield
    rows.append(row)


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


def test_every_mail_that_was_owed_arrived(cluster: Cluster) -> None:
    def fates() -> dict[str, str]:
        return table.fates(lambda: table.postgresql(cluster.standby.direct))

    cluster.crowd.stop()
    sleep(ON_THEIR_WAY)
    with psycopg.connect(cluster.standby.direct, autocommit=True) as database:
        database.execute(table.LATER)  # what killed workers had claimed is free
    wait_until(lambda: all(fates().values()), 120)
    ended = fates()
    arrived = cluster.message_ids()
    for row in rows:
        row.count_mails(ended, set(arrived))
    print(table.HEAD, *(row.line() for row in rows), sep="\n")
    print(f"of {len(arrived)} mails, {len(arrived) - len(set(arrived))} arrived twice, with the same Message-ID")

    assert set(ended.values()) <= {"delivered", "replaced"}
    assert all(len(row.owed) == row.arrived for row in rows)
    assert min(row.arrived for row in rows) > 0
