"""A site as `make run` serves it, and raw connections to it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlencode

from tests.with_postgres import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "a very long walk by the sea"
PEOPLE = 16
FILL = f"""
from django.contrib.auth.hashers import make_password; from accounts.models import User; from django.utils import timezone
password = make_password({PASSWORD!r})
for number in range({PEOPLE}):
    kim = User.objects.create_user(f"kim{{number}}", email=f"kim{{number}}@example.com")
    User.objects.filter(pk=kim.pk).update(password=password, last_sign_in_at=timezone.now())
"""


def within(seconds):
    """So many seconds; as many times more as there are processes that wait for each core, on a machine with other work."""
    return seconds * max(1, os.getloadavg()[0] / os.cpu_count())


class Site:
    """One server; its log is a file of lines. `program` is what is started, where the clone's own is not meant."""

    def __init__(self, folder, program=(sys.executable, "-W", "ignore::ResourceWarning", "manage.py"), stands=ROOT):
        self.program, self.stands = program, stands
        self.folder, self.port, self.process = folder, free_port(), None
        self.log = folder / f"log-{self.port}"
        self.environment = {
            "PATH": os.defpath,
            "DATA_DIR": str(folder / "data"),
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "WORKERS": "2",
        }

    def prepare(self):
        self.manage("upgrade")
        self.manage("shell", "--no-imports", "-c", FILL)

    def manage(self, *arguments):
        done = subprocess.run(
            [*self.program, *arguments], cwd=self.stands, env=self.environment,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    @contextmanager
    def served(self):
        """Serve until the end of the block; then it stops, and all that it wrote was lines of JSON."""
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.program, "serve"], cwd=self.stands, env=self.environment, stdout=log, stderr=log
            )
        try:
            self.wait_until_it_answers(60)
            yield self
        finally:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            finally:
                self.process.kill()
                self.process.wait()
        self.lines()

    def lines(self):
        """What the server wrote: each line is a JSON object."""
        written = self.log.read_text().splitlines()
        assert [line for line in written if not line.startswith("{")] == []
        return [json.loads(line) for line in written]

    def wait_until_it_answers(self, seconds):
        end = monotonic() + seconds
        while monotonic() < end:
            try:
                if self.get("/login/", timeout=1)[0] == 200:
                    return
            except OSError:
                sleep(0.05)
        raise AssertionError(f"no answer in {seconds} seconds: {self.log.read_text()[-2000:]}")

    def workers(self):
        """The processes that serve."""
        pid = self.process.pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def get(self, path, timeout=10, **headers):
        return self.ask("GET", path, timeout=timeout, headers=headers)

    def ask(self, method, path, *, body=None, headers=None, timeout=10):
        """Status, headers and body of the answer, over a connection of its own."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            with suppress(BrokenPipeError):  # what is too long is answered before it is whole: a browser reads on, too
                connection.request(method, path, body, {"Host": f"localhost:{self.port}"} | (headers or {}))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def form(self):
        """The headers and the body of a login form that only waits for its name and password."""
        _status, headers, body = self.get("/login/")
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', body)[1].decode()
        cookie = headers["Set-Cookie"].partition(";")[0]
        sent = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
        return sent | {"Origin": f"http://localhost:{self.port}"}, {"csrfmiddlewaretoken": token}

    def sign_in(self, number, form=None, timeout=10):
        """The status of a whole login of one of the people: 302 where it was right."""
        headers, fields = form or self.form()
        body = urlencode(fields | {"username": f"kim{number}", "password": PASSWORD})
        return self.ask("POST", "/login/", body=body, headers=headers, timeout=timeout)[0]

    @contextmanager
    def connections(self, number, sent):
        """So many connections, on each of which `sent` was written and nothing more comes."""
        with ExitStack() as all_of_them:
            opened = []
            for _ in range(number):
                one = all_of_them.enter_context(socket.create_connection(("127.0.0.1", self.port), timeout=10))
                one.sendall(sent)
                opened.append(one)
            yield opened
