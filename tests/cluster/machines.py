"""Three machines that serve, and nginx before them, as contrib/ has it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from time import monotonic, sleep

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.cluster.databases import listens, wait_until, write
from tests.server.site import within
from tests.with_postgres import free_port, nobody_special

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "contrib" / "nginx" / "m2v.conf"
AROUND = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


class Machine:
    """`manage.py serve` of the product that `stands` there, with its workers; brought back by nobody but the test."""

    def __init__(self, folder: Path, environment: dict[str, str], stands: Path = ROOT) -> None:
        self.folder, self.stands, self.port = folder, stands, free_port()
        self.environment = {"WORKERS": "1"} | environment | {"DATA_DIR": str(folder / "data"), "PORT": str(self.port)}
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments], cwd=self.stands, env=self.environment,
            capture_output=True, text=True, check=False, timeout=within(120),
        )  # fmt: skip

    def manage(self, *arguments: str) -> str:
        done = self.run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            command = [sys.executable, "-W", "ignore::ResourceWarning", "manage.py", "serve"]
            self.process = subprocess.Popen(command, cwd=self.stands, env=self.environment, stdout=log, stderr=log)

    def is_ready(self) -> bool:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def wait_until_ready(self, seconds: float = 120) -> None:
        end = monotonic() + within(seconds)
        while not self.is_ready():
            assert monotonic() < end, (self.folder / "log").read_text()[-3000:]
            sleep(0.1)

    def children(self, *, of_the_queue: bool) -> list[int]:
        """The processes that serve, or the one that does what waits in the queue."""
        assert self.process
        pid, found = self.process.pid, []
        # A process that a thread has started is the thread's child.
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # it has ended meanwhile
                for child in (task / "children").read_text().split():
                    command = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                    if (b"work" in command) == of_the_queue:
                        found.append(int(child))
        return found

    def lines_of(self, requests: set[str]) -> list[str]:
        """What its log says of these requests, by their numbers."""
        lines = (self.folder / "log").read_text().splitlines()
        return [line for line in lines if any(number and number in line for number in requests)]

    def lines(self) -> list[dict[str, object]]:
        """Its log, of which each line is JSON; the last may be on its way."""
        whole, _newline, _rest = (self.folder / "log").read_text().rpartition("\n")
        return [json.loads(line) for line in whole.splitlines()]

    def kill(self) -> None:
        """kill -9 of all of it at once, as a machine that loses its power."""
        assert self.process
        for pid in (self.process.pid, *self.children(of_the_queue=False), *self.children(of_the_queue=True)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def begin_to_end(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        self.begin_to_end()
        if self.process:
            try:
                self.process.wait(45)
            except subprocess.TimeoutExpired:
                self.kill()


def end_all(machines: list[Machine]) -> None:
    """All at once, which takes as long as one."""
    for machine in machines:
        machine.begin_to_end()
    for machine in machines:
        machine.end()


class Proxy:
    """nginx, which ends TLS."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.who = folder, free_port(), nobody_special()
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        make_certificate(folder)
        if self.who:
            for path in (folder, *folder.iterdir()):
                os.chown(path, self.who["user"], self.who["group"])

    def start(self, ports: list[int]) -> None:
        write(self.folder / "site.conf", site(self.folder, self.port, ports))
        write(self.folder / "nginx.conf", AROUND.format(folder=self.folder))
        command = ["nginx", "-e", f"{self.folder}/nginx.log", "-p", str(self.folder), "-c", f"{self.folder}/nginx.conf"]
        self.process = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL, **self.who)
        wait_until(lambda: listens(self.port), 20, (self.folder / "nginx.log").read_text)

    def end(self) -> None:
        if self.process:
            self.process.terminate()
            self.process.wait(20)


def site(folder: Path, port: int, ports: list[int], plain_port: int | None = None) -> str:
    """The site of contrib/ with the addresses of this machine."""
    text, machines = re.subn(
        r"10\.0\.0\.1(\d):8000", lambda found: f"127.0.0.1:{ports[int(found[1]) - 1]}", SITE.read_text()
    )
    assert machines == len(ports) == 3
    for told, here in (
        ("listen 80;", f"listen 127.0.0.1:{plain_port or free_port()};"),
        ("listen 443 ", f"listen 127.0.0.1:{port} "),
        ("m2v.example.com", "localhost"),
        ("/etc/ssl/m2v", str(folder)),
        ("/var/log/nginx", str(folder)),
    ):
        assert told in text, told
        text = text.replace(told, here)
    return text


def make_certificate(folder: Path) -> None:
    """One for localhost that nobody signed but itself."""
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")]),
    )
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = serialization.PrivateFormat.PKCS8
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, private, serialization.NoEncryption())
    )
