"""Workers that die come back by themselves; what was acknowledged is kept."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import monotonic, sleep

import pytest

from tests.server.site import PEOPLE, ROOT, Site, within


def logins(site, form, seconds):
    """Sign in, over and over, for so long: how many were acknowledged."""
    done, number, end = 0, 0, monotonic() + seconds
    while monotonic() < end:
        try:
            done += site.sign_in(number % PEOPLE, form) == 302
        except OSError:
            sleep(0.05)
        number += 1
    return done


def sign_ins_on_record(site):
    with sqlite3.connect(site.folder / "data" / "m2v.sqlite3") as database:
        [[number]] = database.execute("SELECT count(*) FROM audit_auditevent WHERE action = 'signed_in'")
    database.close()
    return number


def kill(site, workers):
    """Kill these; within five seconds others are in their places, and twenty connections in a row are answered."""
    seconds = within(5)
    end = monotonic() + seconds
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    in_a_row = 0
    while in_a_row < 20:
        assert monotonic() < end, f"not there again after {seconds} seconds: {site.workers()}, {site.lines()}"
        try:
            answered = site.get("/login/", timeout=max(0.1, end - monotonic()))[0] == 200
        except OSError:  # it was on its way to the one that died
            answered = False
        there = len(set(site.workers()) - set(workers)) == 2
        in_a_row = in_a_row + 1 if answered and there else 0
        sleep(0 if answered else 0.05)


def test_a_killed_worker_comes_back_within_five_seconds_and_nothing_acknowledged_is_lost(site):
    before, form = sign_ins_on_record(site), site.form()
    with ThreadPoolExecutor(4) as people:
        running = [people.submit(logins, site, form, 4) for _ in range(4)]
        sleep(1)
        kill(site, site.workers()[:1])
        acknowledged = sum(one.result() for one in running)

    assert acknowledged > 0
    assert sign_ins_on_record(site) - before >= acknowledged


def test_a_site_whose_workers_are_killed_again_and_again_comes_back_each_time(site):
    for _ in range(3):
        kill(site, site.workers())


def test_workers_do_not_outlive_the_server_that_started_them(folder):
    """Nobody would stop them, and they would share the port with the next server."""
    with Site(folder).served() as site:
        workers = site.workers()
        site.process.kill()
        end = monotonic() + within(5)
        while any(Path(f"/proc/{worker}").exists() for worker in workers):
            assert monotonic() < end, "they serve still"
            sleep(0.05)
        with pytest.raises(ConnectionRefusedError):
            site.get("/login/")

    assert len(workers) == 2


def test_a_second_server_on_the_same_port_does_not_start(site):
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"], cwd=ROOT, env=site.environment,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert second.returncode != 0
    assert f"Nothing can listen at 127.0.0.1:{site.port}: Address already in use." in second.stderr
    assert site.get("/login/")[0] == 200


def test_every_line_that_the_server_writes_is_json(site):
    for host in ("evil.example", "[", "x" * 300):
        site.ask("GET", "/login/", headers={"Host": host})
    kill(site, site.workers()[:1])

    assert any(line["logger"] == "m2v.server" and "come back" in line["message"] for line in site.lines())
