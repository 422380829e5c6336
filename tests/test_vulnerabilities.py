"""`make check` and `make audit` ask which locked versions are known to be vulnerable."""

from __future__ import annotations

import json
import os
import re
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from tests import sbom, vulnerabilities
from tests.vulnerabilities import NotReached, Osv

ROOT = Path(__file__).resolve().parent.parent
DJANGO = dict(sbom.pinned())["django"]


@contextmanager
def service(answer):
    """A service on loopback that answers a path and what was asked by (status, text); gives its address and what it was asked."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            asked.append((self.path, json.loads(self.rfile.read(length) or "null")))
            status, text = answer(*asked[-1])
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_said):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def knows(*vulnerable, withdrawn=()):
    """Answers as OSV does: these are vulnerable, each as (name, version, number); what has these numbers was withdrawn."""

    def answer(path, question):
        if path == "/v1/querybatch":
            found = [
                [
                    {"id": number}
                    for name, version, number in vulnerable
                    if (name, version) == (each["package"]["name"], each["version"])
                ]
                for each in question["queries"]
            ]
            return 200, json.dumps({"results": [{"vulns": each} if each else {} for each in found]})
        number = path.rpartition("/")[2]
        return 200, json.dumps(
            {"id": number, "summary": "It opens the door."}
            | ({"withdrawn": "2026-11-01"} if number in withdrawn else {})
        )

    return answer


def refuses(_path, _question):
    return 503, "Later."


def made(target, url):
    """What `make <target>` runs of this, without what it runs beside it: how that ends, and what it says."""
    alone = {
        name: value for name, value in os.environ.items() if not name.startswith("MAKE")
    }  # `make test` runs this too
    dry = subprocess.run(
        ["make", "-n", "-o", "install-dev", target], cwd=ROOT, env=alone, capture_output=True, text=True, check=True
    )
    [command] = [line for line in dry.stdout.splitlines() if "tests.vulnerabilities" in line]
    assert dry.stdout.splitlines()[-1] == command
    done = subprocess.run(
        command, shell=True, cwd=ROOT, env=os.environ | {"OSV_URL": url}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout


@pytest.mark.row("ASVS-15.1.1, 15.2.1")
@pytest.mark.parametrize("target", ["check", "audit"])
def test_a_locked_version_that_is_known_to_be_vulnerable_is_a_failure(target):
    with service(knows(("django", DJANGO, "GHSA-1"), ("django", "1.0", "GHSA-2"))) as (url, asked):
        code, said = made(target, url)

    assert code == 1
    assert f"  django {DJANGO}: GHSA-1 It opens the door.\n" in said
    assert "GHSA-2" not in said
    [(path, question)] = asked[:1]
    assert path == "/v1/querybatch"
    pinned = {(each["package"]["ecosystem"], each["package"]["name"], each["version"]) for each in question["queries"]}
    lines = "".join(lock.read_text() for lock in (ROOT / "requirements").glob("*.txt"))
    assert pinned == {("PyPI", *pin) for pin in re.findall(r"(?m)^([\w.-]+)(?:\[[\w,-]+\])?==([\w.]+)", lines)}
    assert len(pinned) == len(question["queries"]) > 60


@pytest.mark.parametrize(("target", "code"), [("check", 0), ("audit", 1)])
def test_a_service_that_is_not_reached_is_said_and_fails_the_audit_alone(target, code):
    with service(refuses) as (url, _asked):
        assert made(target, url) == (
            code,
            f"Known vulnerabilities: NOT CHECKED, the service was not reached ({url}: HTTP Error 503: Service Unavailable)\n",
        )


@pytest.mark.parametrize("target", ["check", "audit"])
def test_nothing_known_is_no_failure(target):
    with service(knows(("django", "1.0", "GHSA-2"), ("django", DJANGO, "GHSA-3"), withdrawn={"GHSA-3"})) as (
        url,
        _asked,
    ):
        code, said = made(target, url)

    assert code == 0
    assert re.fullmatch(r"Known vulnerabilities: 0 in \d+ locked versions\n", said)


@pytest.mark.parametrize(
    "answer",
    ["<html>Please sign in", "[]", "{}", '{"results": []}', '{"results": [{"vulns": [{}]}]}'],
    ids=["html", "list", "none", "few", "odd"],
)
def test_an_answer_that_cannot_be_read_is_none(answer):
    with service(lambda _path, _question: (200, answer)) as (url, _asked), pytest.raises(NotReached):
        vulnerabilities.findings([("django", DJANGO)], Osv(url))


def test_a_service_that_does_not_answer_in_time_is_not_reached():
    over = Event()

    def waits(_path, _question):
        over.wait(20)
        return refuses(_path, _question)

    with service(waits) as (url, _asked):
        with pytest.raises(NotReached, match="timed out"):
            vulnerabilities.findings([("django", DJANGO)], Osv(url, seconds=0.2))
        over.set()


def test_a_finding_stays_one_where_nobody_says_what_it_is():
    def answer(path, question):
        return refuses(path, question) if question is None else knows(("django", DJANGO, "GHSA-1"))(path, question)

    with service(answer) as (url, _asked):
        assert vulnerabilities.findings([("django", DJANGO)], Osv(url)) == [f"django {DJANGO}: GHSA-1"]


def test_what_was_accepted_with_its_reason_is_no_finding(monkeypatch):
    monkeypatch.setitem(vulnerabilities.ACCEPTED, "GHSA-1", "only on Windows")
    with service(knows(("django", DJANGO, "GHSA-1"), ("django", DJANGO, "GHSA-4"))) as (url, _asked):
        assert vulnerabilities.findings([("django", DJANGO)], Osv(url)) == [
            f"django {DJANGO}: GHSA-4 It opens the door."
        ]
