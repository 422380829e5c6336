"""Not a test: a site of its own, as a deployment runs it, visited once. Prints what the browser was told, as JSON."""

from __future__ import annotations

import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "m2v.settings"

import django  # it reads the environment

django.setup()

import re  # noqa: E402
from functools import partial  # noqa: E402
from unittest.mock import patch  # noqa: E402

from django.core.management import call_command  # noqa: E402  # models are there now
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402


def seen(answer):
    body = answer.getvalue() if not answer.streaming else b"".join(answer.streaming_content)
    return {"status": answer.status_code, "headers": dict(answer.headers), "body": body.decode("utf-8", "replace")}


def others(browser, stranger, secure):
    """Errors, redirects, and what the browser has already; by the status that is meant."""
    address = next(iter(re.findall(r'"(/static/[^"]+\.css)"', stranger.get("/login/", secure=secure).content.decode())))
    dated = browser.get(address, secure=secure).headers["Last-Modified"]
    browser.raise_request_exception = False
    get, careful = partial(browser.get, secure=secure), Client(True, SERVER_NAME=stranger.defaults["SERVER_NAME"])
    found = {
        200: get("/portal/"),
        302: stranger.get("/portal/", secure=secure),
        304: get(address, headers={"if-modified-since": dated}),
        400: get("/login/", {f"f{number}": "" for number in range(200)}),
        403: get("/settings/"),
        404: get("/static/nope.css"),
        405: get("/logout/"),
        413: browser.post("/csp-report/", b"x" * 20_000, "application/json", secure=secure),
        4031: careful.post("/login/", secure=secure),
    }
    with patch("mfa.views.login.LoginForm", side_effect=RuntimeError):
        stranger.raise_request_exception = False
        found[500] = stranger.post("/login/", {"username": "x"}, secure=secure)
    return {status: seen(answer) for status, answer in found.items()} | {415: other_charset()}


def other_charset():
    """What the server refuses before Django sees it."""
    from m2v.wsgi import application  # noqa: PLC0415  # settings are read by now

    told = {}

    def start(status, headers):
        told.update(status=int(status[:3]), headers=dict(headers))

    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/login/", "CONTENT_TYPE": "text/plain; charset=utf-16"}
    body = b"".join(application(environ, start))
    return told | {"body": body.decode()}


def main():
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    User.objects.create_user("kim", password="correct horse battery staple")
    host, secure = sys.argv[1], sys.argv[2] == "https"
    browser = Client(SERVER_NAME=host, SERVER_PORT="443" if secure else "8000")
    told = {"login": seen(browser.get("/login/", secure=secure))}
    browser.post("/login/", {"username": "kim", "password": "correct horse battery staple"}, secure=secure)
    told["in"] = browser.get("/portal/", secure=secure).status_code
    stranger = Client(SERVER_NAME=host, SERVER_PORT="443" if secure else "8000")
    told["plain"] = seen(stranger.get("/login/", secure=False))
    told["foreign"] = seen(stranger.get("/login/", secure=secure, headers={"host": "evil.example"}))
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', told["login"]["body"])
    told["static"] = {address: seen(browser.get(address, secure=secure)) for address in linked}
    told["others"] = others(browser, stranger, secure)
    session = browser.session
    session["proofs"] = [proof | {"at": proof["at"] - 15 * 60} for proof in session["proofs"]]
    session.save()
    browser.post("/user-settings/mfa/passkeys/request/", secure=secure)  # waits for a fresh proof
    told["cookies"] = {
        name: {part: cookie[part] for part in ("secure", "httponly", "samesite", "path", "domain")}
        for name, cookie in browser.cookies.items()
    }
    print(json.dumps(told))


main()
