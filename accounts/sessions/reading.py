"""A session, whose it is, and their company, read together by its key. Every request asks this, and most ask nothing else."""

from __future__ import annotations

from accounts.sessions.models import Session
from audit.prepared import Prepared

SESSIONS = Prepared(lambda key: Session.objects.filter(pk=key), "user", "user__company")


def session_of(stored_key: str) -> Session | None:
    """The session that the database knows by `stored_key`, with its user and their company; None if there is none."""
    return next(iter(SESSIONS.ask(stored_key)), None)
