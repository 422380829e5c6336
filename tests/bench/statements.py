"""Count the SQL statements of a whole login in this process, transaction control left out. Prints JSON."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import django

if TYPE_CHECKING:
    from django.test import Client

CONTROL = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK", "PRAGMA")


def statements(act) -> int:
    """How many statements `act` costs."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as captured:
        act()
    return sum(not query["sql"].startswith(CONTROL) for query in captured.captured_queries)


def signed_in(person: dict[str, str]) -> Client:
    """One of our people's browser, or a bare project's, after a whole login."""
    from django.test import Client

    from tests.bench.people import PASSWORD

    client = Client(SERVER_NAME="localhost", SERVER_PORT=os.environ["PORT"])
    client.get("/login/")
    answer = client.post("/login/", {"username": person["username"], "password": PASSWORD})
    if answer.headers["Location"] == "/login/challenge/":
        from django_otp.oath import totp

        client.get("/login/challenge/")
        answer = client.post("/login/challenge/", {"code": f"{totp(bytes.fromhex(person['key'])):06d}"})
    assert answer.status_code == 302
    assert client.get(landing(person)).status_code == 200
    return client


def landing(person: dict[str, str]) -> str:
    """The page behind the login."""
    return "/bench/" if "key" in person else "/portal/"


def visit(person: dict[str, str]) -> dict[str, int]:
    """The figures for one of our people, or a bare project's."""
    from django.test import Client

    clients = []
    Client(SERVER_NAME="localhost", SERVER_PORT=os.environ["PORT"]).get("/login/")  # a process looks at its keys first
    figures = {"login": statements(lambda: clients.append(signed_in(person)))}
    figures["page"] = statements(lambda: clients[0].get(landing(person)))
    if "key" in person:
        figures["passkey"] = statements(lambda: sign_in_with_passkey(person))
    return figures


def sign_in_with_passkey(person: dict[str, str]) -> None:
    """Question, answer, and a page."""
    from django.test import Client

    from tests.authenticator import Authenticator
    from tests.bench.__main__ import credential_of

    client = Client(SERVER_NAME="localhost", SERVER_PORT=os.environ["PORT"])
    options = client.post("/passkeys/authentication/options/", "{}", content_type="application/json").json()
    answer = Authenticator(f"http://localhost:{os.environ['PORT']}").get(options, used=credential_of(person))
    done = client.post("/passkeys/authentication/", {"credential": answer}, content_type="application/json")
    assert done.status_code == 200, done.content
    assert client.get("/bench/").status_code == 200


if __name__ == "__main__":
    django.setup()
    json.dump(visit(json.loads(sys.stdin.read())), sys.stdout)
