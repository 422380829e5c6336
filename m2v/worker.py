"""Processes beside the server, brought back when they die, and ended with it: the one that does what is handed to the
queue (`manage.py work`), and the one that monitoring asks (`manage.py metrics`).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from threading import Event, Lock, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

from django.conf import settings

from m2v.server import STOP_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BACK_SECONDS = 1.0  # between two attempts to bring it back
PATIENCE_SECONDS = 5  # for what it is at, before it is told once more to stop

log = logging.getLogger("m2v.server")

# A process is started and known to have begun by a pipe that closes then. The server forks its own workers meanwhile: one
# of them would hold the pipe open, and whoever waits at it would not bring anything back for as long as that one lives.
starting = Lock()
os.register_at_fork(before=starting.acquire, after_in_parent=starting.release, after_in_child=starting.release)


class Beside:
    """One of them, by its command, as long as it is wanted."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None
        self._over = Event()
        self._keeper = Thread(target=self._keep, daemon=True)
        self._ender = Thread(target=self._end, daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def begin_to_end(self) -> None:
        """Have it stop, while whoever calls goes on. The first signal lets it end what it is at; the second breaks off
        all but the mails on their way, to be taken up again; what is left after the time of a stop is killed.
        """
        if not self._over.is_set():
            self._over.set()
            self._ender.start()

    def end(self) -> None:
        """The same, and wait for it."""
        self.begin_to_end()
        self._ender.join()

    def _end(self) -> None:
        end = monotonic() + STOP_SECONDS
        for patience in (PATIENCE_SECONDS, STOP_SECONDS):
            self._signal()
            self._keeper.join(min(patience, end - monotonic()))
        if self._process and self._process.poll() is None:
            self._process.kill()

    def _signal(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def _keep(self) -> None:
        while not self._over.is_set():
            self._run()
            if not self._over.wait(BACK_SECONDS):
                log.error("a process beside the server died and comes back: %s", self._name)

    def _run(self) -> None:
        """Start it, and wait for its end."""
        try:
            with starting:
                self._process = subprocess.Popen(command(self._name))  # noqa: S603  # ours, without a shell
        except OSError:  # the machine is short of memory, or of processes
            log.exception("a process beside the server could not be started: %s", self._name)
            return
        if self._over.is_set():  # it was to end just now
            self._signal()
        self._process.wait()


def repeat_sigterm(after: float = PATIENCE_SECONDS, ends_after: float = STOP_SECONDS) -> None:
    """Have this process told once more to stop, so many seconds after the first SIGTERM, and end it where it is there still
    at the time of a stop: as a server does with its worker. Who stops a process otherwise, as systemd and containers do,
    says it once, and kills it when it is still at a long act, or at a mail whose server takes its time.
    """
    heard, written = socket.socketpair()
    written.setblocking(False)  # as Python asks for
    signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)

    def wait() -> None:
        """To the end of the process: whatever comes later is written there, too."""
        told = False
        with heard, written:
            while number := heard.recv(1):
                if number[0] == signal.SIGTERM and not told:
                    told = True
                    sleep(after)
                    os.kill(os.getpid(), signal.SIGTERM)
                    sleep(max(ends_after - after, 0))
                    log.warning("what this process is at is broken off")
                    os._exit(1)

    Thread(target=wait, daemon=True).start()


def command(name: str) -> list[str]:
    """How it is started: by this interpreter and the program that started this one, for as long as this process is there."""
    options = [f"-W{option}" for option in sys.warnoptions]
    return [sys.executable, *options, sys.argv[0], name, "--parent", str(os.getpid())]


@contextmanager
def beside_the_server() -> Iterator[Callable[[], None]]:
    """Within, somebody does what is handed to the queue, and answers monitoring where that is wanted. What it is given
    has them begin to end.
    """
    with ExitStack() as at_the_end:
        beside = [Beside(name) for name in (("work", "metrics") if settings.METRICS else ("work",))]
        for process in beside:
            process.start()
            at_the_end.callback(process.end)

        def begin_to_end() -> None:
            for process in beside:
                process.begin_to_end()

        yield begin_to_end
