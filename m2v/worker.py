"""The process that does what is handed to the queue (`manage.py work`): beside the server, brought back when it dies, and
ended with it.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BACK_SECONDS = 1.0  # between two attempts to bring it back
PATIENCE_SECONDS = 5  # for what it is at, before it is told once more to stop

log = logging.getLogger("m2v.server")


class Beside:
    """One worker, as long as it is wanted."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._over = Event()
        self._keeper = Thread(target=self._keep, daemon=True)

    def start(self) -> None:
        self._keeper.start()

    def end(self) -> None:
        """Have it stop. The first signal lets it end what it is at; the second breaks that off, to be taken up again."""
        self._over.set()
        for _attempt in range(2):
            self._signal()
            self._keeper.join(PATIENCE_SECONDS)
        if self._process and self._process.poll() is None:
            self._process.kill()

    def _signal(self) -> None:
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def _keep(self) -> None:
        while not self._over.is_set():
            self._process = subprocess.Popen(command())  # noqa: S603  # ours, without a shell
            if self._over.is_set():  # it was to end just now
                self._signal()
            self._process.wait()
            if not self._over.wait(BACK_SECONDS):
                log.error("the worker of the queue died and comes back")


def command() -> list[str]:
    """How it is started: by this interpreter and the program that started this one, for as long as this process is there."""
    options = [f"-W{option}" for option in sys.warnoptions]
    return [sys.executable, *options, sys.argv[0], "work", "--parent", str(os.getpid())]


@contextmanager
def worker_beside() -> Iterator[None]:
    """Within, somebody does what is handed to the queue."""
    worker = Beside()
    worker.start()
    try:
        yield
    finally:
        worker.end()
