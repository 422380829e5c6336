"""What the login's middleware costs a signed-in page: with it and without, request by request in turns, in one process.

One percent of half a millisecond is less than the noise between two servers.
Here both chains of middleware share process, connection and session, and
another load on the machine hits both alike. Prints JSON: seconds of CPU a
page, the median of each round.
"""

from __future__ import annotations

import json
import os
import sys
from io import BytesIO
from statistics import median
from time import thread_time
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from collections.abc import Callable

WARM_UP = 300


def asked(application, cookies: str) -> Callable[[], float]:
    """A request for the page: how long it keeps the CPU busy."""

    def ask() -> float:
        environ = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": "/bench/",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": os.environ["PORT"],
            "HTTP_HOST": f"localhost:{os.environ['PORT']}",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_COOKIE": cookies,
            "wsgi.input": BytesIO(),
            "wsgi.url_scheme": "http",
        }
        start = thread_time()
        answer = application(environ, lambda status, headers: None)
        b"".join(answer)
        answer.close()
        seconds = thread_time() - start
        assert answer.status_code == 200, answer.status_code
        return seconds

    return ask


def rounds(person: dict[str, str], number: int, pages: int) -> dict[str, list[float]]:
    """The medians with the middleware ("on") and without ("off"), of `number` rounds of `pages` pages each."""
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application
    from django.test import override_settings

    from tests.bench.projects.m2v import walk
    from tests.bench.statements import Inside

    browser = Inside()
    walk.sign_in(browser, person)
    cookies = browser.client.cookies.output(attrs=(), header="", sep=";").strip()
    chains = {"on": asked(get_wsgi_application(), cookies)}
    with override_settings(MIDDLEWARE=settings.WITHOUT_LOGIN_STEPS):
        chains["off"] = asked(get_wsgi_application(), cookies)
    for ask in list(chains.values()) * WARM_UP:
        ask()
    figures: dict[str, list[float]] = {"on": [], "off": []}
    for _ in range(number):
        taken: dict[str, list[float]] = {"on": [], "off": []}
        for turn in range(pages):
            for name in ("on", "off") if turn % 2 else ("off", "on"):
                taken[name].append(chains[name]())
        for name, seconds in taken.items():
            figures[name].append(median(seconds))
    return figures


if __name__ == "__main__":
    django.setup()
    json.dump(rounds(json.loads(sys.stdin.read()), *map(int, sys.argv[1:])), sys.stdout)
