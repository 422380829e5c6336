"""Not a test: a site in a process of its own, whose database comes and goes. Prints what was answered, as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from time import sleep

os.environ["DJANGO_SETTINGS_MODULE"] = "m2v.settings"

from m2v.wsgi import application  # noqa: I001  # it sets Django up, as the server does
from django.core.management import call_command
from django.db import connections
from django.test import Client

HERE, AWAY = Path(sys.argv[1]), Path(sys.argv[2])
assert application


def seen(method="get", address="/login/", **more):
    client = Client(False, SERVER_NAME="localhost", SERVER_PORT="8000")
    client.raise_request_exception = False
    answer = getattr(client, method)(address, **more)
    return {
        "status": answer.status_code,
        "retry": answer.headers.get("Retry-After"),
        "policy": answer.headers.get("Content-Security-Policy", ""),
        "body": b"".join(answer).decode(),
    }


def move(source, target):
    connections.close_all()
    source.rename(target)
    sleep(1.1)


found = {"at the start": [seen(), seen("post"), seen("get", "/portal/"), seen("get", "/nowhere/"), seen("get", "/")]}
found["health at the start"] = [seen("get", "/health/live"), seen("get", "/health/ready")]
found["scripts"] = [
    seen("get", "/login/", headers={"accept": "application/json"}),
    seen("get", "/settings/administration/users/", headers={"hx-request": "true"}),
    seen("post", "/passkeys/authentication/options/", content_type="application/json"),
]
found["a file"] = seen("get", "/static/m2v/window.js")
move(AWAY, HERE)
found["it came"] = seen()
found["health"] = [seen("get", "/health/live"), seen("get", "/health/ready")]
if found["it came"]["status"] == 503 and "migrate" in sys.argv:
    call_command("migrate", verbosity=0)
    sleep(1.1)
    found["migrated"] = seen()
move(HERE, AWAY)
found["it went"] = [seen() for _ in range(20)]
move(AWAY, HERE)
found["it came again"] = seen()
found["foreign hosts"] = [seen(headers={"host": f"evil{number}.example"}) for number in range(100)]
print(json.dumps(found))
