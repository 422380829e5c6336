"""Count the SQL statements of a whole login in this process, transaction control left out. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import django

from tests.bench.visit import Browser

if TYPE_CHECKING:
    from collections.abc import Callable

CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")


class Inside(Browser):
    """A browser without a network: Django's own test client."""

    def __init__(self) -> None:
        from django.test import Client

        super().__init__(int(os.environ["PORT"]))
        self.client = Client(enforce_csrf_checks=True)

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
        headers["Host"] = self.origin.removeprefix("http://")
        answer = self.client.generic(method, path, body, headers.pop("Content-Type", ""), headers=headers)
        return answer.status_code, answer.headers.get("Location", ""), answer.content.decode()


def statements(act: Callable[[], object]) -> int:
    """How many statements `act` costs."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(not query["sql"].startswith(CONTROL) for query in captured.captured_queries)


def count(project: str, first: dict[str, str], person: dict[str, str]) -> dict[str, int]:
    """What `person` costs, once `first` has met what happens but once in a process."""
    walk = import_module(f"tests.bench.projects.{project}.walk")
    walk.sign_in(Inside(), first)
    browser = Inside()
    figures = {"login": statements(lambda: walk.sign_in(browser, person))}
    figures["page"] = statements(lambda: browser.open(walk.LANDING))
    if hasattr(walk, "sign_in_with_passkey"):
        walk.sign_in_with_passkey(Inside(), first)
        figures["passkey"] = statements(lambda: walk.sign_in_with_passkey(Inside(), person))
    return figures


if __name__ == "__main__":
    django.setup()
    json.dump(count(sys.argv[1], *json.loads(sys.stdin.read())), sys.stdout)
