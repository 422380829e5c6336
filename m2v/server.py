"""The server that `make run` starts, and that goes on when a worker dies.

Granian with its ASGI interface, over HTTP/1 alone: chosen by measurement
(docs/dependencies.md). Its HTTP/2 is left to proxies.
"""

from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import signal
import socket
import sys
import time
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.utils.module_loading import import_string
from granian.constants import HTTPModes, Interfaces, Loops
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server.mp import MPServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from granian.server.mp import WorkerProcess

MOST_CONNECTIONS = 4096  # of a worker, open at the same time; more of them wait unanswered
HEADER_SECONDS = 20  # for the headers of a request, the wait for the next one on a kept connection included
STOP_SECONDS = 30  # between SIGTERM and the end, whatever is going on
RESPAWN_SECONDS = 0.5  # between two attempts to bring a worker back
LOOK_SECONDS = 1  # between two looks of a worker at who started it
TAKEN_SECONDS = 5  # to wait for a port whose last server is on its way out

log = logging.getLogger("m2v.server")


class Respawning(MPServer):
    """Granian, except that it never gives up: its own loop ends the site when one worker dies twice in five seconds."""

    ends_too: Callable[[], None]  # what is told at once, when it is to stop

    def _spawn_worker(self, *args: Any, **more: Any) -> WorkerProcess:
        """One that is begun again and again where the machine is short of memory, or of processes."""
        worker = super()._spawn_worker(*args, **more)
        begin: Callable[[], None] = worker.start

        def begin_patiently() -> None:
            while True:
                try:
                    begin()
                except OSError:
                    log.exception("a worker could not be started")
                    if self.interrupt_signal:
                        raise
                    time.sleep(RESPAWN_SECONDS)
                else:
                    return

        worker.start = begin_patiently  # type: ignore[method-assign]  # the server makes it by its own name
        return worker

    def _serve_loop(self, spawn_target: Any, target_loader: Any) -> None:
        while True:
            self.main_loop_interrupt.wait()
            if self.interrupt_signal:
                self.interrupt_children.clear()  # a worker that dies while all stop is no failure
                self.ends_too()
                return
            self.main_loop_interrupt.clear()
            died = set()
            while self.interrupt_children:  # another one may die meanwhile, and adds itself from its own thread
                died.add(self.interrupt_children.pop())
            if died:
                log.error("workers died and come back: %s", len(died))
                self._respawn_workers(sorted(died), spawn_target, target_loader)
                time.sleep(RESPAWN_SECONDS)


def serve(ends_too: Callable[[], None]) -> None:
    """Serve until SIGTERM, of which `ends_too` tells others. Raises ImproperlyConfigured where nothing can listen."""
    wait_for_port()
    if sys.platform == "linux":  # where Python 3.14 would begin each worker anew, with a copy of everything
        multiprocessing.set_start_method("fork", force=True)
    site = server()
    site.ends_too = ends_too
    connections.close_all()  # workers are forked, and would share one with each other
    site.serve(target_loader=partial(loaded, parent=os.getpid()))


def wait_for_port() -> None:
    """Wait until the port is free: Linux would let two servers of one user share it, each with half of the requests."""
    end = time.monotonic() + TAKEN_SECONDS
    while trouble := port_taken():
        if trouble.errno != errno.EADDRINUSE or time.monotonic() > end:
            raise ImproperlyConfigured(f"Nothing can listen at {settings.HOST}:{settings.PORT}: {trouble.strerror}.")
        time.sleep(0.1)


def port_taken() -> OSError | None:
    """The error that keeps a server from listening, if there is one."""
    with socket.socket(socket.AF_INET6 if ":" in settings.HOST else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.HOST, settings.PORT))
        except OSError as trouble:
            return trouble
    return None


def loaded(target: str, *, parent: int) -> Any:
    """The application, in a worker that does not outlive the process `parent` which started it."""
    Thread(target=end_with, args=(parent,), daemon=True).start()
    return import_string(target.replace(":", "."))


def end_with(parent: int) -> None:
    """End this worker once `parent` is gone: nothing else would, and it would serve old code beside a new server."""
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    log.error("the server was killed: its worker stops")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)
    os._exit(1)


def server() -> Respawning:
    """The server as the settings say."""
    return Respawning(
        "m2v.asgi:application",
        address=settings.HOST,
        port=settings.PORT,
        workers=settings.WORKERS,
        interface=Interfaces.ASGI,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=HEADER_SECONDS * 1000),
        websockets=False,
        loop=Loops.asyncio,
        backpressure=MOST_CONNECTIONS,
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_level=LogLevels.warning,
        log_dictconfig=settings.LOGGING,
        ssl_cert=Path(settings.TLS_CERTIFICATE) if settings.TLS_CERTIFICATE else None,
        ssl_key=Path(settings.TLS_KEY) if settings.TLS_KEY else None,
    )
