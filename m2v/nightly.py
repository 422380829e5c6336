"""What is done once a day without anybody asking: the numbers of the day that is over are kept, beside the queue's worker.

It looks every hour, and what is kept already costs it two questions. So it does not matter when the worker starts, how
many there are, or that one was away at midnight.
"""

from __future__ import annotations

import logging
from time import sleep

from django.db import connections

from reporting.taking import take_missing

EVERY_SECONDS = 3600

log = logging.getLogger("m2v.server")


def every_hour() -> None:
    """Keep what is to be kept, for as long as this process is there."""
    while True:
        once()
        connections.close_all()  # it has a connection of its own, which is not needed for an hour
        sleep(EVERY_SECONDS)


def once() -> None:
    """The same, now. What fails is tried again in an hour."""
    try:
        take_missing()
    except Exception:
        log.exception("the numbers of a day could not be kept")
