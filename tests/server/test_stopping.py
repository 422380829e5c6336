"""SIGTERM ends the site within a limit, whatever is going on, and loses nothing that was acknowledged."""

from __future__ import annotations

import re
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, sleep
from urllib.parse import urlencode

import pytest

from m2v.server import STOP_SECONDS
from tests.server.site import PEOPLE, Site, within
from tests.server.slow_mail import mail_server
from tests.server.test_dying import sign_ins_on_record

MEGABYTES = 350  # docs/operations.md says so: of a worker, while sixteen sign in at once


def logins(site, form, stop):
    """Sign in, over and over, until told to stop or nobody listens: how many were acknowledged."""
    done = number = 0
    while not stop.is_set():
        try:
            done += site.sign_in(number % PEOPLE, form) == 302
        except OSError:
            if site.process.poll() is not None:
                break
            sleep(0.05)
        number += 1
    return done


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_a_site_that_is_stopped_while_people_sign_in_ends_in_time_and_loses_no_sign_in(folder, attempt):
    with mail_server() as (address, taken):
        site, stop = Site(folder), Event()
        site.environment["EMAIL_URL"] = address
        with site.served(), ThreadPoolExecutor(8) as people:
            before, form = sign_ins_on_record(site), site.form()
            running = [people.submit(logins, site, form, stop) for _ in range(8)]
            try:
                sleep(2)
                began = monotonic()
                site.process.send_signal(signal.SIGTERM)
                assert site.process.wait(STOP_SECONDS + 10) == 0
                assert monotonic() - began < min(STOP_SECONDS, within(10))
            finally:
                stop.set()
            acknowledged = sum(one.result() for one in running)

    assert acknowledged > 0
    assert sign_ins_on_record(site) - before >= acknowledged
    assert taken


def most_memory(pid):
    """Megabytes that a process held at its height."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def test_sixteen_logins_at_once_take_no_more_memory_of_a_worker_than_is_stated(site):
    form, stop = site.form(), Event()
    with ThreadPoolExecutor(16) as people:
        running = [people.submit(logins, site, form, stop) for _ in range(16)]
        sleep(within(3))
        stop.set()
        assert sum(one.result() for one in running) > 0
    held = [most_memory(worker) for worker in site.workers()]

    assert len(held) == 2
    assert max(held) < MEGABYTES
    assert f"{MEGABYTES} MB" in (Path(__file__).parents[2] / "docs" / "operations.md").read_text()


def test_mail_that_waits_is_sent_before_the_site_ends(folder):
    """Resets for many people at once, whose mails a slow server takes one after another."""
    with mail_server() as (address, taken):
        site = Site(folder)
        site.environment["EMAIL_URL"] = address
        with site.served():
            headers, fields = site.form()
            for number in range(PEOPLE):
                body = urlencode(fields | {"email": f"kim{number}@example.com"})
                assert site.ask("POST", "/password-reset/", body=body, headers=headers)[0] == 302
            site.process.send_signal(signal.SIGTERM)
            assert site.process.wait(STOP_SECONDS + 10) == 0

    asked = [line["subject"] for line in site.lines() if line.get("action") == "password_reset_requested"]
    told = {re.search(rb"^To: (\S+)", mail, re.MULTILINE)[1].decode() for mail in taken}
    assert len(asked) == PEOPLE
    assert told == {f"kim{number}@example.com" for number in range(PEOPLE)}


def test_mail_that_is_held_back_is_sent_before_the_site_ends(folder):
    """Of three new browsers of one person in a minute: the first is told at once, the last as the site ends."""
    with mail_server() as (address, taken):
        site = Site(folder)
        site.environment |= {"EMAIL_URL": address, "WORKERS": "1"}
        with site.served():
            assert [site.sign_in(0) for _ in range(3)] == [302, 302, 302]
            end = monotonic() + within(10)
            while not taken and monotonic() < end:
                sleep(0.05)
            assert len(taken) == 1
            site.process.send_signal(signal.SIGTERM)
            assert site.process.wait(STOP_SECONDS + 10) == 0

    assert len(taken) == 2
