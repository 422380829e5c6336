"""Not a test: a site of its own, as a deployment runs it, visited once. Prints what the browser was told, as JSON."""

from __future__ import annotations

import json
import os
import sys

os.environ["DJANGO_SETTINGS_MODULE"] = "m2v.settings"

import django  # it reads the environment

django.setup()

import re  # noqa: E402

from django.core.management import call_command  # noqa: E402  # models are there now
from django.test import Client  # noqa: E402

from accounts.models import User  # noqa: E402


def seen(answer):
    body = answer.getvalue() if not answer.streaming else b"".join(answer.streaming_content)
    return {"status": answer.status_code, "headers": dict(answer.headers), "body": body.decode("utf-8", "replace")}


def main():
    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    User.objects.create_user("kim", password="correct horse battery staple")
    host, secure = sys.argv[1], sys.argv[2] == "https"
    browser = Client(SERVER_NAME=host, SERVER_PORT="443" if secure else "8000")
    told = {"login": seen(browser.get("/login/", secure=secure))}
    browser.post("/login/", {"username": "kim", "password": "correct horse battery staple"}, secure=secure)
    told["in"] = browser.get("/portal/", secure=secure).status_code
    told["cookies"] = {
        name: {part: cookie[part] for part in ("secure", "httponly", "samesite", "path", "domain")}
        for name, cookie in browser.cookies.items()
    }
    stranger = Client(SERVER_NAME=host, SERVER_PORT="443" if secure else "8000")
    told["plain"] = seen(stranger.get("/login/", secure=False))
    told["foreign"] = seen(stranger.get("/login/", secure=secure, headers={"host": "evil.example"}))
    linked = re.findall(r'(?:src|href)="(/static/[^"]+)"', told["login"]["body"])
    told["static"] = {address: seen(browser.get(address, secure=secure)) for address in linked}
    print(json.dumps(told))


main()
