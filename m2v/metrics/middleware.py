"""How long each view takes, and what it answers."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse


class RequestTimesMiddleware:
    """Count each request by the name of its view; those that reach none, static files among them, as "none"."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        # Django's checks load this module in the process that starts the others, which counts nothing.
        from m2v.metrics import counters  # noqa: PLC0415  # the folder is known by now

        counters.begin_to_count()
        self.get_response, self.count = get_response, counters.count_request

    def __call__(self, request: HttpRequest) -> HttpResponse:
        begun = perf_counter()
        response = self.get_response(request)
        view = request.resolver_match.view_name if request.resolver_match else "none"
        self.count(view, response.status_code, perf_counter() - begun)
        return response
