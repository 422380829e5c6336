"""Mail that is owed arrives, whichever process is killed while it waits or is on its way."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlencode

import pytest

from m2v.server import STOP_SECONDS
from tests.server.site import PEOPLE, Site, within
from tests.server.slow_mail import Manners, mail_server
from tests.with_postgres import free_port

TO = re.compile(rb"^To: (\S+)", re.MULTILINE)
pytestmark = pytest.mark.timeout(400)  # servers and workers start several times

ID = re.compile(rb"^Message-ID: (\S+)", re.MULTILINE)
LATER = """
from django.utils import timezone
from accounts.models import OwedMail
OwedMail.objects.filter(ended_at=None).update(due_at=timezone.now(), claimed_until=None)
"""
OWED = """
from accounts.owed import Draft, owe
words = {"name": "Kim", "username": "kim0", "link": "", "site": "x", "by": "x"}
owe([Draft("kim0@example.com", "Hello", ("mail/password-reset.txt", "mail/password-reset.html"), "en", words)], cause="test")
"""
FORGET = """
from accounts.models import Budget, OwedMail
OwedMail.objects.all().delete()
Budget.objects.all().delete()
"""
EVERYBODY = {f"kim{number}@example.com" for number in range(PEOPLE)}


@pytest.fixture
def site(folder):
    """One that is not served yet. No mail of other tests waits, and everybody may ask for a reset."""
    site = Site(folder)
    site.manage("shell", "--no-imports", "-c", FORGET)
    return site


def ask_for_resets(site):
    headers, fields = site.form()
    for number in range(PEOPLE):
        body = urlencode(fields | {"email": f"kim{number}@example.com"})
        assert site.ask("POST", "/password-reset/", body=body, headers=headers)[0] == 302


def asked(site):
    """Whose requests are on record."""
    return {line["subject"] for line in site.lines() if line.get("action") == "password_reset_requested"}


def told(taken):
    return {TO.search(one)[1].decode() for one in taken}


def until(what, seconds=60):
    end = monotonic() + within(seconds)
    while not what():
        assert monotonic() < end
        sleep(0.05)


def worker_of(site):
    """The process beside the server that delivers."""
    started_by = f"--parent\0{site.process.pid}\0".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if started_by in (entry / "cmdline").read_bytes():
                return int(entry.name)
        except OSError:  # it ended just now
            continue
    return None


def test_a_worker_that_is_killed_with_mail_on_its_way_loses_none(site):
    with mail_server(Manners(patience=0.5)) as (address, taken):
        site.environment["EMAIL_URL"] = address
        with site.served():
            ask_for_resets(site)
            until(lambda: taken)
            os.kill(worker_of(site), signal.SIGKILL)
            site.manage("shell", "--no-imports", "-c", LATER)  # its claims have ended
            until(lambda: told(taken) == EVERYBODY)

    assert len({ID.search(one)[1] for one in taken}) == PEOPLE, "what came twice has the same id"
    assert max(Counter(ID.search(one)[1] for one in taken).values()) <= 2


def owed_mail(site, statement, *values):
    with closing(sqlite3.connect(site.folder / "data" / "m2v.sqlite3", timeout=20)) as database, database:
        return database.execute(statement, values).fetchall()


def test_whenever_a_worker_is_killed_during_a_delivery_the_mail_arrives(site):
    moments, manners, killed = ("", "EHLO", "MAIL", "RCPT", "DATA"), Manners(patience=0), []
    site.manage("shell", "--no-imports", "-c", OWED * len(moments))
    owed_mail(site, "UPDATE accounts_owedmail SET due_at = datetime('now', '1 hour')")
    mails = owed_mail(site, "SELECT id FROM accounts_owedmail")

    def kill():
        if not killed:
            killed.append(worker_of(site))
            os.kill(killed[0], signal.SIGKILL)

    def begin_now(mail):
        owed_mail(
            site, "UPDATE accounts_owedmail SET due_at = datetime('now'), claimed_until = NULL WHERE id = ?", mail
        )

    def fate(mail):
        return owed_mail(site, "SELECT fate FROM accounts_owedmail WHERE id = ?", mail)[0][0]

    with mail_server(manners) as (address, taken):
        site.environment["EMAIL_URL"] = address
        with site.served():
            for before_the_answer_to, [mail] in zip(moments, mails, strict=True):
                taken.clear()
                killed.clear()
                manners.meanwhile = {before_the_answer_to: kill}
                begin_now(mail)
                until(lambda: killed and not Path(f"/proc/{killed[0]}").exists())
                assert fate(mail) == "", "nobody knows whether it was sent"
                begin_now(mail)  # its claim has ended
                until(lambda mail=mail: fate(mail) == "delivered")

                assert len({ID.search(one)[1] for one in taken}) == 1
                assert len(taken) == (2 if before_the_answer_to == "DATA" else 1), before_the_answer_to


def test_what_was_asked_for_is_mailed_though_the_processes_that_serve_are_killed(site):
    port = free_port()
    site.environment["EMAIL_URL"] = f"smtp://127.0.0.1:{port}"
    with site.served():
        ask_for_resets(site)
        until(lambda: len(asked(site)) == PEOPLE)
        for process in site.workers():
            os.kill(process, signal.SIGKILL)
        with mail_server(Manners(patience=0), port) as (_address, taken):
            site.manage("shell", "--no-imports", "-c", LATER)
            until(lambda: told(taken) == EVERYBODY)

    assert len(taken) == PEOPLE


def test_a_mail_on_its_way_has_the_time_of_a_stop_to_arrive(site):
    """Each of the mail server's answers takes four seconds: the mail arrives some fifteen after the signal."""
    manners = Manners(patience=0, before_each_answer=4)
    with mail_server(manners) as (address, taken):
        site.environment["EMAIL_URL"] = address
        with site.served():
            headers, fields = site.form()
            body = urlencode(fields | {"email": "kim0@example.com"})
            assert site.ask("POST", "/password-reset/", body=body, headers=headers)[0] == 302
            until(lambda: "MAIL" in manners.heard)
            begun = monotonic()
        assert monotonic() - begun < STOP_SECONDS + 5

    assert len(taken) == 1
    left = "from accounts.models import OwedMail; print(OwedMail.objects.filter(ended_at=None).count())"
    assert site.manage("shell", "--no-imports", "-c", left).strip() == "0", "and is known to have arrived"


def test_mail_that_waits_when_the_site_ends_is_sent_when_it_is_there_again(site):
    with mail_server() as (address, taken):
        site.environment["EMAIL_URL"] = address
        with site.served():
            ask_for_resets(site)
        before = len(taken)
        with site.served():
            until(lambda: told(taken) == EVERYBODY)

    assert before < PEOPLE
    assert len(taken) == PEOPLE, "each once"
