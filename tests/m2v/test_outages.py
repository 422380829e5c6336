"""While the database is away, or does not fit the keys: 503 on every page, lines of JSON in the log, and no way in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SEALED = """
from accounts.models import User; from mfa.models import AuthenticatorApp; from accounts.sealing import Purpose, seal
kim = User.objects.create_user("kim")
AuthenticatorApp.objects.create(user=kim, key=seal(b"x" * 20, kim.pk, Purpose.APP), confirmed=True)
"""


def key(number):
    return "k1:" + urlsafe_b64encode(bytes([number]) * 32).decode()


class Site:
    """A site whose database lies in a folder that is not there yet."""

    def __init__(self, folder):
        self.here, self.away = folder / "here", folder / "away"
        self.away.mkdir()
        self.environment = {
            "PATH": os.defpath,
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": f"sqlite:///{self.here}/m2v.sqlite3",
            "MFA_ENCRYPTION_KEYS": key(1),
        }

    def python(self, *arguments, **variables):
        return subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=self.environment | variables,
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    def prepare(self):
        self.manage("collectstatic", "--no-input", "--verbosity", "0")
        self.away.rename(self.here)
        self.manage("migrate", "--verbosity", "0")
        self.manage("shell", "--no-imports", "-c", SEALED)
        self.here.rename(self.away)

    def manage(self, *arguments):
        done = self.python("manage.py", *arguments)
        assert done.returncode == 0, done.stderr

    def visited(self, *arguments, **variables):
        """What was answered, and the lines of the log: each of them is JSON."""
        done = self.python("-m", "tests.m2v.outages", str(self.here), str(self.away), *arguments, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), [json.loads(line) for line in done.stderr.splitlines()]


def is_out_of_order(answer):
    return (
        answer["status"] == 503
        and "m2v is not available at the moment" in answer["body"]
        and int(answer["retry"]) > 0
        and "default-src 'none'" in answer["policy"]
    )


@pytest.fixture(scope="module")
def came_and_went(tmp_path_factory):
    site = Site(tmp_path_factory.mktemp("site"))
    site.prepare()
    return site.visited()


def test_a_database_that_is_away_at_the_start_is_a_503_on_every_page_until_it_came(came_and_went):
    answers, lines = came_and_went

    assert all(is_out_of_order(answer) for answer in answers["at the start"])
    assert answers["it came"]["status"] == 200
    assert next(line for line in lines if line["level"] != "INFO")["message"].startswith(
        "the database is away: nothing is served before"
    )


def test_scripts_and_parts_of_a_page_are_told_so_too_and_files_are_there(came_and_went):
    answers, _lines = came_and_went

    for answer in answers["scripts"]:
        assert (answer["status"], json.loads(answer["body"])) == (503, {"error": "unavailable"})
        assert int(answer["retry"]) > 0
    assert answers["a file"]["status"] == 200


def test_a_database_that_goes_and_comes_back_is_a_503_meanwhile_on_the_sign_in_page_too(came_and_went):
    answers, _lines = came_and_went

    assert all(is_out_of_order(answer) for answer in answers["it went"])
    assert answers["it came again"]["status"] == 200


def test_a_probe_is_told_that_the_process_lives_and_whether_it_can_serve(came_and_went):
    answers, _lines = came_and_went

    assert [answer["status"] for answer in answers["health at the start"]] == [200, 503]
    assert [answer["status"] for answer in answers["health"]] == [200, 200]


def test_an_outage_is_one_line_for_each_request_and_one_traceback_a_minute(came_and_went):
    _answers, lines = came_and_went

    outage = [line for line in lines if line["logger"] == "m2v.outage"]
    assert len(outage) == 20
    assert all((line["status"], line["error"][:16]) == (503, "OperationalError") for line in outage)
    assert len([line for line in lines if "exception" in line]) == 1


def test_foreign_hosts_are_lines_without_a_traceback_and_no_more_than_one_a_second(came_and_went):
    answers, lines = came_and_went

    assert {answer["status"] for answer in answers["foreign hosts"]} == {400}
    foreign = [line for line in lines if "evil" in json.dumps(line)]
    assert 0 < len(foreign) <= 2 * 60 + 5
    assert not [line for line in foreign if "exception" in line]


def test_a_database_host_that_never_answers_is_a_503_within_seconds(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://m2v:x@127.0.0.1:{silent.getsockname()[1]}/m2v"
        code = (
            "import m2v.wsgi; from django.test import Client; from time import monotonic; began = monotonic(); "
            "answer = Client(SERVER_NAME='localhost', SERVER_PORT='8000').get('/login/'); "
            "print(answer.status_code, monotonic() - began)"
        )
        done = Site(tmp_path).python("-c", code, DATABASE_URL=url)

    status, seconds = done.stdout.split()
    assert status == "503"
    assert float(seconds) < 15


def test_a_start_that_is_refused_says_so_in_a_line_of_the_log(tmp_path):
    refused = Site(tmp_path).python("-c", "import m2v.wsgi", EMAIL_FROM="m2v")

    assert refused.returncode != 0
    [line] = [json.loads(line) for line in refused.stderr.splitlines()]
    assert line["level"] == "CRITICAL"
    assert "EMAIL_FROM must look like" in line["error"]


def test_nothing_is_served_by_keys_that_turn_out_not_to_be_those_of_the_database(tmp_path):
    site = Site(tmp_path)
    site.prepare()

    answers, lines = site.visited(MFA_ENCRYPTION_KEYS=key(2))

    assert is_out_of_order(answers["it came"])
    assert is_out_of_order(answers["it came again"])
    assert any(
        "is not the one that rows of mfa_authenticatorapp are sealed with" in line.get("error", "") for line in lines
    )
    site.away.exists() or site.here.rename(site.away)
    site.away.rename(site.here)
    refused = site.python("-c", "import m2v.wsgi", MFA_ENCRYPTION_KEYS=key(2))
    assert refused.returncode != 0
    assert [json.loads(line)["level"] for line in refused.stderr.splitlines()] == ["INFO", "CRITICAL", "CRITICAL"]


def test_a_database_of_another_version_is_served_once_it_was_migrated(tmp_path):
    site = Site(tmp_path)
    site.manage("collectstatic", "--no-input", "--verbosity", "0")

    answers, lines = site.visited("migrate")

    assert is_out_of_order(answers["it came"])
    assert answers["migrated"]["status"] == 200
    assert any("Run `m2v upgrade`" in line.get("error", "") for line in lines)


def test_the_page_of_a_failure_needs_no_list_of_static_files(tmp_path):
    """A site that nobody collected static files for fails; it says so with a page and one traceback."""
    site = Site(tmp_path)
    site.away.rename(site.here)
    site.manage("migrate", "--verbosity", "0")
    site.here.rename(site.away)

    answers, lines = site.visited()

    assert answers["it came"]["status"] == 500
    assert "Something broke on our side" in answers["it came"]["body"]
    failed = [line for line in lines if line["logger"] == "django.request" and line["status"] == 500]
    assert [line["message"] for line in failed] == ["Internal Server Error: /login/"] * 2
    assert ["exception" in line for line in failed] == [True, False]
