"""Outages: the database is away, takes no writes, its disk is full, or a key for something in it is missing.

Every address says so, even those that could do without the database: whoever reads "Sign in" should be able to.
"""

from __future__ import annotations

import logging
import sqlite3
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection

from accounts.away import is_read_only
from accounts.sealing import Unreadable
from m2v.errors import UNREADABLE, cannot_answer, out_of_order
from m2v.start import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SiteRequest

DISK_FULL = "53100"  # PostgreSQL's own number for it

log = logging.getLogger("m2v.outage")


class OutageMiddleware:
    """Answer 503 until keys and database are known to fit, and while the database is away.

    Checking costs no extra round trip: a request that uses the database checks its connection once.
    """

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        if not fit.seen():
            return out_of_order(request)
        try:
            if settings.CHECK_KEYS_AT_START:
                connection.close_if_health_check_failed()
                connection.ensure_connection()
        except (OperationalError, InterfaceError) as trouble:
            _put_in_the_log(request, trouble)
            return out_of_order(request)
        return self.get_response(request)

    def process_exception(self, request: SiteRequest, exception: Exception) -> HttpResponse | None:
        answer = cannot_answer(request, exception)
        if answer:
            _put_in_the_log(request, exception)
        return answer


def _put_in_the_log(request: SiteRequest, trouble: Exception) -> None:
    log.error(_what_it_was(trouble), exc_info=trouble, extra={"status_code": 503})
    request.failure_is_logged = True


def _what_it_was(trouble: BaseException) -> str:
    """What the log says it was."""
    if isinstance(trouble, Unreadable):
        return UNREADABLE.error
    if is_read_only(trouble):
        return "the database takes no writes"
    said = trouble.__cause__  # what the database's own module raised
    full = getattr(said, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL or getattr(said, "sqlstate", "") == DISK_FULL
    return "the disk of the database is full" if full else "the database is away"
