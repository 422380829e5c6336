"""What contrib/ brings is read by the programs that it is for, and fits the site."""

from __future__ import annotations

import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import tomllib
from base64 import urlsafe_b64encode
from contextlib import closing
from http.client import HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from ssl import create_default_context
from tempfile import TemporaryDirectory
from threading import Thread

import pytest
from django.conf import settings
from django.core.management import get_commands
from django.urls import get_resolver, reverse

from m2v.request_ids import HEADER, WELL_FORMED
from m2v.server import HEADER_SECONDS, STOP_SECONDS
from tests.cluster.databases import wait_until
from tests.cluster.machines import Proxy, make_certificate, site
from tests.with_postgres import free_port, nobody_special

ROOT = Path(settings.ROOT)
CONTRIB = ROOT / "contrib"
UNITS = sorted(path for path in (CONTRIB / "systemd").iterdir() if path.suffix in {".service", ".timer"})
SITE = CONTRIB / "nginx" / "m2v.conf"
CONTAINER = CONTRIB / "container"
PROGRAM = "/opt/m2v/bin/m2v"
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()


def seconds(name, text):
    """The time that nginx's setting `name` gives."""
    return int(re.search(rf"(?m)^\s*{name} (\d+)s;", text)[1])


def kilobytes(text):
    """The bodies that nginx lets through, by location; the server's own is ""."""
    found, location = {}, ""
    for line in text.splitlines():
        if opened := re.match(r"\s*location (?:= )?(\S+) \{", line):
            location = opened[1]
        elif size := re.search(r"client_max_body_size (\d+)([km]);", line):
            found[location] = int(size[1]) * (1024 if size[2] == "m" else 1)
    return found


# --- systemd ---


def test_there_are_units_for_the_site_the_worker_and_what_is_done_each_night():
    names = {path.name for path in UNITS}
    nightly = {f"m2v-{name}.{kind}" for name in ("audit-verify", "backup") for kind in ("service", "timer")}

    assert names == {"m2v.service", "m2v-worker.service"} | nightly


def test_the_copy_of_the_audit_in_the_journal_has_no_gaps():
    """Which drops lines of a service that says many at once, as an act on many does."""
    for path in UNITS:
        assert path.suffix == ".timer" or "\nLogRateLimitIntervalSec=0\n" in path.read_text(), path.name


def test_what_serves_is_begun_again_as_often_as_it_takes():
    """By itself, systemd gives up after five ends within ten seconds, until somebody comes."""
    always = [path for path in UNITS if "\nRestart=always\n" in path.read_text()]

    assert {path.name for path in always} == {"m2v.service", "m2v-worker.service"}
    for path in always:
        assert "\nStartLimitIntervalSec=0\n" in path.read_text().partition("[Service]")[0], path.name


def test_a_backup_is_written_where_it_may_be_and_older_ones_go_after_it_alone():
    text = (CONTRIB / "systemd" / "m2v-backup.service").read_text()
    [folder] = re.findall(r"(?m)^ReadWritePaths=(\S+)$", text)
    [before, after] = re.findall(r"(?m)^Exec(\w+)=(.+)$", text)

    assert before == ("Start", f"{PROGRAM} backup {folder} --recipient ${{RECIPIENT}}")
    assert after[0] == "StartPost", "which a backup that failed keeps from beginning"
    assert f"install -d -o m2v -g m2v -m 700 {folder}" in OPERATIONS
    assert re.search(r"(?m)^ *echo RECIPIENT=age1… > /etc/m2v/backup.env", OPERATIONS)
    assert "EnvironmentFile=/etc/m2v/backup.env" in text


def test_backups_that_are_older_than_a_month_go_and_nothing_else(tmp_path):
    text = (CONTRIB / "systemd" / "m2v-backup.service").read_text()
    command = re.search(r"(?m)^ExecStartPost=(.+)$", text)[1].replace("/var/backups/m2v", str(tmp_path))
    names = ["m2v-20261101T023000Z.database.age", "m2v-20261101T023000Z.keys.age", "of-somebody.txt"]
    for name in names:
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1, 1))
        (tmp_path / f"{name}".replace("1101", "1201")).touch()

    subprocess.run(shlex.split(command), check=True)

    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"of-somebody.txt"} | {name.replace("1101", "1201") for name in names}


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not on this machine")
def test_systemd_finds_nothing_wrong_in_the_units(tmp_path):
    """It looks whether the program is there, too: here, one stands in its place."""
    for path in UNITS:
        (tmp_path / path.name).write_text(path.read_text().replace(PROGRAM, shutil.which("true")))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))],
        capture_output=True, text=True, check=False, timeout=60, env={"PATH": "/usr/bin:/bin"},
    )  # fmt: skip

    about_ours = [line for line in (done.stdout + done.stderr).splitlines() if "m2v" in line]
    assert (done.returncode, about_ours) == (0, [])


def test_every_command_of_the_units_is_one_of_the_program():
    named = {path.name: re.findall(rf"(?m)^ExecStart\w*={PROGRAM} (\w+)", path.read_text()) for path in UNITS}

    assert named["m2v.service"] == ["serve"]
    assert {command for commands in named.values() for command in commands} <= get_commands().keys()


def test_systemd_waits_longer_for_the_end_than_the_server_takes():
    for path in (CONTRIB / "systemd" / "m2v.service", CONTRIB / "systemd" / "m2v-worker.service"):
        assert int(re.search(r"TimeoutStopSec=(\d+)", path.read_text())[1]) > STOP_SECONDS


def test_the_settings_of_the_example_are_settings_and_complete_with_keys(monkeypatch, tmp_path):
    lines = (CONTRIB / "systemd" / "m2v.env").read_text().splitlines()
    given = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    key = urlsafe_b64encode(bytes(range(32))).decode()
    keys = {"SECRET_KEY": key + key, "MFA_ENCRYPTION_KEYS": f"k1:{key}", "AUDIT_SIGNING_KEY": key}
    assert {name for name, value in given.items() if not value} == keys.keys()
    for name, value in (given | keys | {"DATA_DIR": str(tmp_path)}).items():
        monkeypatch.setenv(name, value)

    loaded = runpy.run_path(str(ROOT / "m2v" / "settings.py"))

    assert (loaded["BASE_URL"], loaded["BEHIND_PROXY"]) == ("https://m2v.example.com", 1)
    assert loaded["DATABASES"]["default"]["HOST"] == "10.0.0.21,10.0.0.22"
    readme = (ROOT / "README.md").read_text()
    assert [name for name in given if f"`{name}`" not in readme] == []


# --- nginx ---


@pytest.mark.skipif(
    not shutil.which("nginx"), reason="nginx is not on this machine; `make test-cluster` serves by this site"
)
def test_nginx_finds_nothing_wrong_in_the_site(tmp_path):
    make_certificate(tmp_path)
    (tmp_path / "site.conf").write_text(site(tmp_path, 8443, [8001, 8002, 8003], 8080))
    around = f"pid {tmp_path}/nginx.pid; events {{}} http {{ access_log off; include {tmp_path}/site.conf; }}"
    (tmp_path / "nginx.conf").write_text(around)

    done = subprocess.run(
        ["nginx", "-t", "-e", f"{tmp_path}/errors", "-p", str(tmp_path), "-c", f"{tmp_path}/nginx.conf"],
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    # From 1.25.1 on it would rather have a line of its own for HTTP/2, which 1.22 of Debian 12 does not know.
    assert [line for line in done.stderr.splitlines() if "[warn]" in line and '"listen ... http2"' not in line] == []


def test_nginx_lets_through_what_the_site_takes_and_gives_up_no_later():
    text = SITE.read_text()
    longer = {path: size // 1024 for path, size in settings.LONGER_BODIES.items()}

    assert kilobytes(text) == {"": settings.LONGEST_BODY // 1024} | longer
    assert seconds("client_header_timeout", text) == HEADER_SECONDS
    assert seconds("client_body_timeout", text) == 20
    # A kept connection that both sides may close at the same moment costs somebody an answer.
    upstream = text.split("upstream m2v {")[1].split("\n}")[0]
    assert seconds("keepalive_timeout", upstream) < HEADER_SECONDS


def test_nginx_hands_on_what_behind_proxy_believes():
    text = SITE.read_text()

    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in text
    assert "proxy_set_header X-Forwarded-Proto $scheme;" in text
    assert "proxy_set_header X-Request-ID $request_id;" in text
    assert "BEHIND_PROXY=1" in text
    # A location with a header of its own hands on none of these.
    assert all(line.startswith("    proxy") for line in text.splitlines() if "proxy_set_header" in line)


class Repeats(BaseHTTPRequestHandler):
    """A machine that answers with the headers that it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = json.dumps({name.lower(): value for name, value in self.headers.items()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Nothing is said."""


@pytest.fixture
def got():
    """What a machine gets of a request with these headers, through the site of contrib/."""
    with TemporaryDirectory(prefix="m2v-nginx-") as name, ThreadingHTTPServer(("127.0.0.1", 0), Repeats) as machine:
        if who := nobody_special():
            os.chown(name, who["user"], who["group"])
        Thread(target=machine.serve_forever, daemon=True).start()
        proxy = Proxy(Path(name) / "proxy")
        trusted = create_default_context(cafile=str(proxy.folder / "fullchain.pem"))

        def get(path, headers):
            with closing(HTTPSConnection("localhost", proxy.port, context=trusted)) as connection:
                connection.request("GET", path, headers=headers)
                return json.loads(connection.getresponse().read())

        get.log = proxy.folder / "m2v.log"
        try:
            proxy.start([machine.server_port] * 3)
            yield get
        finally:
            proxy.end()
            machine.shutdown()


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not on this machine")
def test_an_answer_of_nginx_itself_is_told_from_one_of_the_site():
    """By the header that `doctor` looks for: else it would say that the site's log knows why."""
    with TemporaryDirectory(prefix="m2v-nginx-") as name:
        if who := nobody_special():
            os.chown(name, who["user"], who["group"])
        proxy = Proxy(Path(name) / "proxy")
        trusted = create_default_context(cafile=str(proxy.folder / "fullchain.pem"))
        proxy.start([free_port() for _ in range(3)])
        try:
            with closing(HTTPSConnection("localhost", proxy.port, context=trusted)) as connection:
                connection.request("GET", "/login/")
                answer = connection.getresponse()
        finally:
            proxy.end()

    assert (answer.status, answer.headers["Retry-After"], answer.headers[HEADER]) == (503, "10", None)


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not on this machine")
@pytest.mark.parametrize("path", ["/login/", "/static/m2v.css", "/settings/administration/users/import/"])
def test_behind_nginx_a_stranger_chooses_neither_number_nor_address(path, got):
    stated = {"X-Request-ID": "a-number-of-theirs", "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "http"}

    first, second = got(path, stated), got(path, stated)

    assert WELL_FORMED.fullmatch(first["x-request-id"])
    assert "a-number-of-theirs" not in (first["x-request-id"], second["x-request-id"])
    assert first["x-request-id"] != second["x-request-id"]
    assert (first["x-forwarded-for"], first["x-forwarded-proto"]) == ("192.0.2.9, 127.0.0.1", "https")


SECRET_LINKS = [
    reverse("invitation", args=["S3CR3T", "S3CR3T"]),
    reverse("password_reset_confirm", args=["S3CR3T", "S3CR3T"]),
    reverse("address", args=["S3CR3T"]),
    reverse("not_me", args=["S3CR3T"]),
]


def test_the_links_that_nginx_keeps_to_itself_are_all_there_are():
    """Whose address has a secret in it: what is new is known by the name of its part."""

    def paths(resolver, before=""):
        for each in resolver.url_patterns:
            path = before + str(each.pattern)
            yield from paths(each, path) if hasattr(each, "url_patterns") else [path]

    masked = re.search(r'"~\^\(\?<m2v_link>/\((\S+)\)/\)\."', SITE.read_text())[1].split("|")

    assert {path.split("/")[0] for path in paths(get_resolver()) if "token>" in path} == set(masked)


@pytest.mark.skipif(not shutil.which("nginx"), reason="nginx is not on this machine")
@pytest.mark.parametrize("path", SECRET_LINKS)
def test_the_log_of_nginx_has_each_request_with_its_number_and_no_link_that_lets_somebody_in(path, got):
    there = got(f"{path}?S3CR3T", {"Referer": f"https://localhost{path}", "User-Agent": "a browser"})
    got("/settings/administration/users/?q=S3CR3T", {})

    wait_until(lambda: len(got.log.read_text().splitlines()) == 2, 10)  # it writes after its answer
    mail, page = got.log.read_text().splitlines()
    assert there["x-request-id"] in mail
    assert f'"GET /{path.split("/")[1]}/... HTTP/1.1" 200' in mail
    assert '"GET /settings/administration/users/ HTTP/1.1" 200' in page
    assert "S3CR3T" not in mail + page


# --- Containers ---


def test_the_container_is_made_of_files_that_are_there():
    text = (CONTAINER / "Containerfile").read_text()
    for paths in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
        assert all((ROOT / path).exists() for path in paths.split()), paths
    python = re.search(r"python:(3\.\d+)", text)[1]
    assert (ROOT / ".python-version").read_text().strip().startswith(python)
    assert text.rstrip().endswith('CMD ["m2v", "serve"]')
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"], "which `pip wheel` builds by"


# The version of postgresql-client in each release of Debian.
CLIENTS = {"bookworm": 15, "trixie": 17}


def test_the_container_has_the_pg_dump_that_a_backup_of_the_compose_files_server_needs():
    text = (CONTAINER / "Containerfile").read_text()
    image = text.split("\nFROM ")[-1]
    server = int(re.search(r"postgres:(\d+)", (CONTAINER / "compose.yaml").read_text())[1])
    section = OPERATIONS.partition("6. **Containers.**")[2].partition("### Sizes")[0]

    assert re.search(r"apt-get install\b.* postgresql-client\b", image)
    client = CLIENTS[re.search(r"python:3\.\d+-slim-(\w+)", image)[1]]
    assert client >= server
    assert f"of version {client}" in section


def test_the_container_keeps_backups_apart_from_the_keys_and_where_it_may_write():
    image, compose = (CONTAINER / "Containerfile").read_text(), (CONTAINER / "compose.yaml").read_text()

    for folder in ("/var/lib/m2v", "/var/backups/m2v"):
        assert re.search(rf"(?m)^VOLUME .*{folder}\b", image)
        assert f":{folder}\n" in compose
    assert "install -d -o m2v -g m2v -m 700 /var/backups/m2v" in image


def test_secrets_that_the_page_has_written_into_a_clone_are_in_no_image_no_commit_and_no_sdist():
    """An sdist leaves out what git does."""
    image = (CONTAINER / "Containerfile.dockerignore").read_text().splitlines()
    commit = (ROOT / ".gitignore").read_text().splitlines()
    for name in ("m2v.env", "database_password"):
        assert re.search(rf"(env_file|file): {name}\n", (CONTAINER / "compose.yaml").read_text())
    for name in (
        "contrib/container/m2v.env",
        "contrib/container/database_password",
        "backup.key",
        "backups",
        "restore",
    ):
        assert re.search(rf"(?m)[ ./`]{name}\b", OPERATIONS), name
        assert name in image
        assert {f"/{name}", f"/{name}/"} & set(commit)
    assert re.search(r"(?m)^ *docker compose .+ cp site:\S+ \./backups$", OPERATIONS), "m2v/ is where the product is"


def test_files_with_keys_are_for_their_owner_alone():
    for made in ("> contrib/container/m2v.env", "> backup.key"):
        before = OPERATIONS[: OPERATIONS.index(made)]
        assert before.rindex("umask 077") > before.rindex("\n\n"), made


def test_the_settings_of_the_container_are_made_of_those_of_the_units(tmp_path):
    """By the command that the page says: no address and folder of a machine is left in them."""
    [command] = re.findall(r"(?m)^ *(grep -v .+ contrib/systemd/m2v\.env) > contrib/container/m2v\.env", OPERATIONS)

    made = subprocess.run(shlex.split(command), cwd=ROOT, capture_output=True, text=True, check=True).stdout

    names = set(re.findall(r"(?m)^([A-Z_]+)=", made))
    assert names == set(re.findall(r"(?m)^([A-Z_]+)=", (CONTRIB / "systemd" / "m2v.env").read_text())) - {
        "HOST", "PORT", "DATA_DIR",
    }  # fmt: skip


def test_what_is_ours_in_the_compose_file_writes_into_its_volumes_alone_and_has_no_rights():
    text = (CONTAINER / "compose.yaml").read_text()
    kept = text.partition("x-hardened: &hardened\n")[2].partition("\n\n")[0]

    for line in ("read_only: true", 'cap_drop: ["ALL"]', 'security_opt: ["no-new-privileges:true"]'):
        assert f"  {line}" in kept
    for service in re.findall(r"(?m)^  (\w+):\n(?=(?:    .*\n)*    build:)", text):
        assert f"\n  {service}:\n    <<: *hardened\n" in text, service
    assert len(re.findall(r"(?m)^    build:", text)) == text.count("<<: *hardened") == 2


def test_the_compose_file_builds_that_container_and_gives_it_time_to_stop():
    text = (CONTAINER / "compose.yaml").read_text()

    assert (CONTAINER / re.search(r"context: (\S+)", text)[1]).resolve() == ROOT
    assert (ROOT / re.search(r"dockerfile: (\S+)", text)[1]).is_file()
    assert int(re.search(r"stop_grace_period: (\d+)s", text)[1]) > STOP_SECONDS
    assert set(re.findall(r'"m2v", "(\w+)"', text)) <= get_commands().keys()
    assert '"127.0.0.1:8000:8000"' in text, "nobody comes past the proxy"
