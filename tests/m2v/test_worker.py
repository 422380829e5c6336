"""Processes of the site are there again, whatever ended them or kept them from being started."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from threading import Event

import pytest
from granian.server.mp import MPServer

from m2v import server, worker
from tests.server.site import within

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def test_one_that_cannot_be_started_for_now_is_started_as_soon_as_it_can(monkeypatch, caplog):
    """A machine that is short of memory or of processes refuses to make one."""
    real, tries, started = subprocess.Popen, [], Event()

    def make(command):
        tries.append(command)
        if len(tries) < 3:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        process = real(SLEEPS)
        started.set()
        return process

    monkeypatch.setattr(worker, "BACK_SECONDS", 0.01)
    monkeypatch.setattr(subprocess, "Popen", make)
    beside = worker.Beside("work")
    beside.start()
    try:
        assert started.wait(20)
    finally:
        beside.end()

    assert len(tries) == 3
    refused = [record for record in caplog.records if "could not be started" in record.message]
    assert [record.exc_info[1].errno for record in refused] == [errno.EAGAIN] * 2


FORKS = """
import os
import sys
import warnings
from time import sleep
warnings.simplefilter("ignore")  # Python warns of a fork beside threads: that is what the server does
import django
django.setup()
from m2v import worker
starts = []
worker.BACK_SECONDS = 0
worker.command = lambda name: starts.append(name) or ["true"]
worker.Beside("work").start()
for _ in range(60):
    if not os.fork():
        sleep(30)  # as long as it lives, it holds what it was forked with
        os._exit(0)
    sleep(0.01)
before, waited = len(starts), 0
while len(starts) < before + 5 and waited < float(sys.argv[1]):
    sleep(0.05)
    waited += 0.05
print(len(starts) - before, flush=True)
os.killpg(0, 9)
"""


def test_a_server_that_forks_meanwhile_keeps_none_from_being_started(tmp_path):
    """Each fork in the middle of a start would hold open the pipe by which it is seen that it began."""
    environment = {"PATH": os.defpath, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "m2v.settings"}
    command = [sys.executable, "-c", FORKS, str(within(5))]
    done = subprocess.run(
        command,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60 + within(60),
        start_new_session=True,
    )

    assert int(done.stdout) >= 5, done.stderr[-500:]


DEAF = """
import os
import signal
import sys
from time import sleep
import django
django.setup()
from m2v.worker import repeat_sigterm
repeat_sigterm(after=float(sys.argv[1]), ends_after=2 * float(sys.argv[1]))
signal.signal(signal.SIGTERM, lambda *_heard: os.write(1, b"heard"))  # print() is not to be interrupted by itself
print("there", flush=True)
while True:
    sleep(0.05)
"""


def test_one_of_its_own_that_does_not_come_to_its_end_is_ended(tmp_path):
    """A mail server may take its two minutes; who stops a process waits for less."""
    environment = {"PATH": os.defpath, "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "m2v.settings"}
    seconds = within(0.5)
    command = [sys.executable, "-c", DEAF, str(seconds)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as deaf:
        try:
            assert deaf.stdout.readline() == "there\n"
            deaf.terminate()
            assert deaf.wait(2 * seconds + within(10)) == 1
            assert deaf.stdout.read().count("heard") == 2, "it was told twice before"
        finally:
            deaf.kill()


class Refused:
    """A process that serves, which the machine refuses to make `refusals` times."""

    def __init__(self, refusals):
        self.refusals, self.starts = refusals, 0

    def start(self):
        self.starts += 1
        if self.starts <= self.refusals:
            raise OSError(errno.ENOMEM, "Cannot allocate memory")


@pytest.fixture
def begun(monkeypatch):
    """`begun(process)` has the server begin this one."""
    monkeypatch.setattr(server, "RESPAWN_SECONDS", 0.01)

    def begin(process, *, told_to_stop=False):
        monkeypatch.setattr(MPServer, "_spawn_worker", lambda *_args, **_more: process)
        site = server.server()
        site.interrupt_signal = told_to_stop
        site._spawn_worker(0, None, None).start()

    return begin


def test_so_is_one_that_serves(begun):
    process = Refused(2)

    begun(process)

    assert process.starts == 3


def test_a_server_that_is_told_to_stop_tries_no_more(begun):
    process = Refused(9)

    with pytest.raises(OSError, match="Cannot allocate memory"):
        begun(process, told_to_stop=True)

    assert process.starts == 1
