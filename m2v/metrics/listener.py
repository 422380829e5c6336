"""The address that monitoring asks, answered by a process of its own: it goes on while the database is away, while a worker
dies, and while all threads of the server are taken.
"""

from __future__ import annotations

import logging
import os
import signal
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator

FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # by which the client knows it, in every process that is started within
IN_MEMORY = Path("/dev/shm")  # noqa: S108  # a folder with a random name in it: a full disk must not end who counts

LISTEN_AGAIN_SECONDS = 10

log = logging.getLogger("m2v.metrics")


@contextmanager
def counted_together() -> Iterator[None]:
    """Within, processes that are started count together, if anybody is to ask."""
    if not settings.METRICS:
        yield
        return
    with TemporaryDirectory(prefix="m2v-metrics-", dir=IN_MEMORY if IN_MEMORY.is_dir() else None) as folder:
        os.environ[FOLDER] = folder
        yield


def answer_until_stopped() -> None:
    """Answer at METRICS until SIGTERM. Where another process has the port, the log says so until it is free."""
    from prometheus_client import CollectorRegistry, start_http_server  # noqa: PLC0415  # the folder is known by now
    from prometheus_client.multiprocess import MultiProcessCollector  # noqa: PLC0415  # the same

    from m2v.metrics.gauges import Gauges  # noqa: PLC0415  # the same

    registry, over = CollectorRegistry(), Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    if folder := os.environ.get(FOLDER):
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # it says no types
    registry.register(Gauges())
    assert settings.METRICS
    host, port = settings.METRICS
    while not over.is_set():
        try:
            server, thread = start_http_server(port, host, registry)
        except OSError:
            log.exception("Nothing can listen at METRICS, %s:%s", host, port)
            over.wait(LISTEN_AGAIN_SECONDS)
        else:
            over.wait()
            server.shutdown()
            server.server_close()
            thread.join()
