"""A PostgreSQL server of its own goes away at each moment of a delivery, and comes back: the mail is there, and known to be."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from time import sleep

import psycopg
import pytest

from tests.cluster.databases import Database, wait_until
from tests.server.site import Site
from tests.server.slow_mail import Manners, mail_server
from tests.server.test_mail import ID, LATER, OWED, TO, until, worker_of
from tests.with_postgres import nobody_special

pytestmark = pytest.mark.timeout(400)  # a server, and a worker, start several times

AWAY = 3  # seconds, for which more than one attempt to write it down fails
PERSON = "kim0@example.com"


@pytest.fixture(scope="module")
def database():
    with TemporaryDirectory(prefix="m2v-outages-") as folder:
        if who := nobody_special():
            os.chown(folder, who["user"], who["group"])
        database = Database(Path(folder, "postgresql"))
        database.make()
        with psycopg.connect(database.direct, autocommit=True) as one:  # a power cut is not what this is about
            one.execute("ALTER SYSTEM SET fsync = off")
            one.execute("SELECT pg_reload_conf()")
        yield database
        database.end()


@pytest.fixture(scope="module")
def served(database, tmp_path_factory):
    """The site on that server, with its worker, and a mail server whose manners each test chooses."""
    manners = Manners(patience=0)
    with mail_server(manners) as (address, taken):
        site = Site(tmp_path_factory.mktemp("served"))
        site.environment |= {"DATABASE_URL": database.direct, "EMAIL_URL": address, "WORKERS": "1"}
        site.prepare()
        with site.served():
            yield site, manners, taken


def fates(database):
    with psycopg.connect(database.direct) as one:
        return [fate for (fate,) in one.execute("SELECT fate FROM accounts_owedmail ORDER BY id")]


def told(site, database):
    """For whoever reads why a test failed: what became of each mail, and the log of mail."""
    lines = [str(line) for line in site.lines() if line["logger"] == "m2v.mail"]
    return "\n".join([str(fates(database)), *lines])


@pytest.mark.parametrize(
    ("moment", "kills"),
    [("", False), ("MAIL", False), ("DATA", False), ("DATA", True)],
    ids=[
        "before smtp begins",
        "while it is sent",
        "between the mail server's answer and the commit",
        "there, and the worker is killed before it can be written down",
    ],
)
def test_a_mail_is_there_once_or_at_most_twice_and_never_lost(moment, kills, served, database):
    site, manners, taken = served
    taken.clear()
    begins, is_away = Event(), Event()

    def goes_away():
        if not begins.is_set():
            begins.set()
            database.stop()
            is_away.set()

    manners.meanwhile = {moment: goes_away}
    before = len(fates(database))
    site.manage("shell", "--no-imports", "-c", OWED)
    until(is_away.is_set)
    if moment == "DATA":
        until(lambda: taken)
    if kills:
        os.kill(worker_of(site), signal.SIGKILL)
    sleep(AWAY)
    manners.meanwhile = {}

    database.start()
    if kills:
        assert fates(database)[before:] == [""], "nobody knows that it was sent"
        site.manage("shell", "--no-imports", "-c", LATER)  # its claim has ended
    wait_until(lambda: fates(database)[before:] == ["delivered"], 30, lambda: told(site, database))

    assert {TO.search(one)[1].decode() for one in taken} == {PERSON}
    assert len({ID.search(one)[1] for one in taken}) == 1
    assert len(taken) == (2 if kills else 1)
