"""The number of a request: in its answer, on the page of a failure, and in every line of the log that it causes.

A proxy of ours may give it one, so that its log and ours have the same; a stranger may not, who could make many requests
look like one. It is short enough to be read out over the telephone.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from contextvars import ContextVar
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, MutableMapping

    from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
IN_ENVIRON = "m2v.request_id"  # in the WSGI environ, under a name that no header can have
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{8,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current_request_id() -> str:
    """The number of the request being answered, or nothing."""
    return _current.get()


def request_id_of(environ: MutableMapping[str, Any]) -> str:
    """The number of the request that `environ` is of: made, or taken from a proxy of ours, when first asked for."""
    if IN_ENVIRON not in environ:
        stated = environ.get("HTTP_X_REQUEST_ID", "") if settings.BEHIND_PROXY else ""
        environ[IN_ENVIRON] = stated if WELL_FORMED.fullmatch(stated) else made()
    number: str = environ[IN_ENVIRON]
    return number


def made() -> str:
    """A number that no other request has: 64 bits in groups of four, as one reads them out."""
    digits = token_hex(8)
    return "-".join(digits[at : at + 4] for at in range(0, 16, 4))


@contextmanager
def answering(request_id: str) -> Iterator[None]:
    """What is logged within belongs to this request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


def as_part_of_request[T](request_id: str, work: Callable[..., T], *arguments: Any) -> T:
    """`work` done as part of this request, in whatever thread."""
    with answering(request_id):
        return work(*arguments)


class RequestIdMiddleware:
    """Give each answer its request's number, and let the log know it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = request_id_of(request.META)
        with answering(request_id):
            response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
