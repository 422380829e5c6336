"""Work that was left unfinished is taken up again: its process died, or the database was away for longer than a step is tried."""

from __future__ import annotations

import logging
from time import sleep

from django.db import connections

from accounts.waiting_tasks import waiting_tasks
from companies.bulk.running import take_up_runs
from companies.importing.inviting import take_up_invitations
from companies.importing.running import take_up_imports

LOOKED_FOR_EVERY = 5  # seconds

log = logging.getLogger("m2v.work")


def keep_taking_up() -> None:
    """Look for it as long as this process is there, beside the queue's worker."""
    while True:
        take_up_unfinished()
        connections.close_all()  # its own, which it needs for a moment
        sleep(LOOKED_FOR_EVERY)


def take_up_unfinished() -> None:
    """Hand it to the queue, where nothing waits there: what waits may be this very work. What fails is tried the next time."""
    try:
        if not waiting_tasks().number:
            for take_up in (take_up_runs, take_up_imports, take_up_invitations):
                take_up()
    except Exception:
        log.exception("unfinished work could not be taken up")
