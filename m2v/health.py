"""Health checks: whether this process is alive, and whether it can serve. They answer to any Host.

They come before everything that checks the Host, TLS or the database, because a probe reaches a process by its network
address.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse, HttpResponseNotAllowed

from m2v.errors import for_now
from m2v.start import fit

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

LIVE, READY = "/health/live", "/health/ready"


class HealthMiddleware:
    """Answer the two addresses; hand on the rest."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info not in {LIVE, READY}:
            return self.get_response(request)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        if request.path_info == READY and not is_ready():
            return for_now(HttpResponse("not ready\n", content_type="text/plain", status=503))
        return HttpResponse("ok\n", content_type="text/plain")


def is_ready() -> bool:
    """Do keys, tables and this code fit, and does the database answer?"""
    if not fit.seen():
        return False
    try:
        if settings.CHECK_KEYS_AT_START:
            connection.close_if_health_check_failed()
            connection.ensure_connection()
    except (OperationalError, InterfaceError):
        return False
    return True
