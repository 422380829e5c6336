"""When lines are sealed: a minute after the first unsealed one was written, in a thread of its own.

No sign-in waits for a seal. The server also seals when it starts and when it
stops, every management command when it ends, and `tidy` and `audit_verify`
when they run. What a process did not get to, the queue's worker seals.
"""

from __future__ import annotations

import atexit
import logging
from datetime import timedelta
from threading import Lock, Timer
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from audit.sealing.checkpoints import seal_lines
from audit.sealing.unsealed import unsealed_lines

if TYPE_CHECKING:
    from audit.models import AuditEvent

log = logging.getLogger("m2v.audit")


def seal_all() -> bool:
    """Seal all lines; False if other transactions kept writing. Never raises: the next attempt seals these lines too."""
    try:
        return seal_lines() is not None
    except Exception:  # a database error, or a newest checkpoint that is not ours: the log is the only one to tell
        log.exception("The audit could not be sealed.")
        return True


def seal_what_was_left() -> None:
    """Seal all lines, where the first has waited for so long that its own process does not. Never raises."""
    try:
        was_left = unsealed_lines().age > timedelta(seconds=2 * (settings.AUDIT_SEALED_AFTER or 0))
    except Exception:  # the database is away: the next attempt seals them
        log.exception("The audit could not be sealed.")
    else:
        if was_left:
            seal_all()


class Soon:
    """The process's timer: one at most, however many lines are waiting."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._timer: Timer | None = None

    def wait(self) -> None:
        """Start the timer unless it is running; it seals whatever has been written by then."""
        with self._lock:
            if self._timer is None and settings.AUDIT_SEALED_AFTER is not None:
                self._timer = Timer(settings.AUDIT_SEALED_AFTER, self._seal_beside)
                self._timer.daemon = True  # or the process could not exit for up to a minute
                self._timer.start()

    def seal_now(self) -> None:
        """Seal at once if the timer is running. Never raises."""
        with self._lock:
            timer, self._timer = self._timer, None
        if timer is None:
            return
        timer.cancel()
        if not seal_all():
            self.wait()

    def _seal_beside(self) -> None:
        try:
            self.seal_now()
        finally:
            connection.close()


soon = Soon()
atexit.register(soon.seal_now)


def seal_soon(_line: AuditEvent) -> None:
    """Start the timer once the line is committed."""
    transaction.on_commit(soon.wait, robust=True)
