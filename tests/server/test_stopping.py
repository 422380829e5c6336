"""SIGTERM ends the site within a limit, whatever is going on, and loses nothing that was acknowledged."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from time import monotonic, sleep

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
    with mail_server() as (address, _taken):
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
