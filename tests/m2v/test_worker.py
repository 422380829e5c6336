"""Processes of the site are there again, whatever ended them or kept them from being started."""

from __future__ import annotations

import errno
import subprocess
import sys
from threading import Event

import pytest
from granian.server.mp import MPServer

from m2v import server, worker

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
