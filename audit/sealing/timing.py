"""When lines are sealed: a minute after the first that waits, beside the requests, so that no sign-in waits for a seal.

The server seals as well when it starts and when it has ended, a command when
it ends, and so do `tidy` and `audit_verify`.
"""

from __future__ import annotations

import atexit
import logging
from threading import Lock, Timer
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction

from audit.sealing.checkpoints import seal_lines

if TYPE_CHECKING:
    from audit.models import AuditEvent

log = logging.getLogger("m2v.audit")


def seal_all() -> bool:
    """Seal what is there; False where others were writing all the time. Raises nothing: the next one takes these lines too."""
    try:
        return seal_lines() is not None
    except Exception:  # whatever the database raises, or a checkpoint that is not ours
        log.exception("The audit could not be sealed.")
        return True


class Soon:
    """One waiting timer in each process, or none."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._timer: Timer | None = None

    def wait(self) -> None:
        """Seal in a minute, with whatever else is there by then."""
        with self._lock:
            if self._timer is None and settings.AUDIT_SEALED_AFTER is not None:
                self._timer = Timer(settings.AUDIT_SEALED_AFTER, self._seal_beside)
                self._timer.daemon = True  # nobody waits a minute for the process to end
                self._timer.start()

    def seal_now(self) -> None:
        """Seal what waits, if anything does. Raises nothing."""
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
    """Once a line is committed, see that it is sealed."""
    transaction.on_commit(soon.wait, robust=True)
