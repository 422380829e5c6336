"""`make bench`: a whole login, a passkey login and a signed-in page, ours and a bare Django project's, in one run.

Both are served by granian with two workers on the loopback address, from
scratch folders, on SQLite, with the same hasher. Each figure is the mean over
people who sign in one after the other from four browsers; the servers' CPU
time is read from /proc. Bounded: it ends by itself, in about two minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.serialization import load_der_private_key

from tests.authenticator import Credential
from tests.bench import bare
from tests.bench.visit import Visitor, wait_for
from tests.with_postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
PEOPLE = 240
BROWSERS = 4
PAGES = 3000


@dataclass
class Server:
    """A project being served: where, by which processes, and its people."""

    port: int
    process: subprocess.Popen[bytes]
    landing: str
    people: list[dict[str, str]]
    statements: dict[str, int]

    def visitor(self) -> Visitor:
        """A fresh browser."""
        return Visitor(self.port, self.landing)

    def cpu(self) -> float:
        """Seconds of CPU that the server's processes have used so far."""
        ticks = os.sysconf("SC_CLK_TCK")
        return sum(sum(map(int, stat(pid)[11:13])) for pid in family(self.process.pid)) / ticks


def stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def credential_of(person: dict[str, str]) -> Credential:
    """The person's passkey."""
    key = load_der_private_key(b64decode(person["private"]), None)
    return Credential("localhost", bytes.fromhex(person["handle"]), bytes.fromhex(person["credential"]), key)  # type: ignore[arg-type]


@contextmanager
def served(settings: str, folder: Path, **environment: str) -> Iterator[Server]:
    """A project on a free port, its database filled."""
    port = free_port()
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": settings,
        "DATA_DIR": str(folder / "data"),
        "BARE_DATABASE": str(folder / "bare.sqlite3"),
        "PORT": str(port),
        "BASE_URL": f"http://localhost:{port}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder}",
        **environment,
    }

    def call(*command: str, given: str = "") -> str:
        done = subprocess.run(
            command, env=environment, input=given, capture_output=True, text=True, cwd=ROOT, check=False
        )
        if done.returncode:
            sys.exit(done.stderr)
        return done.stdout

    people = json.loads(call(sys.executable, "-m", "tests.bench.people", str(PEOPLE + 1)))
    counted = json.loads(call(sys.executable, "-m", "tests.bench.statements", given=json.dumps(people.pop())))
    application, landing = "m2v.wsgi:application", "/bench/"
    if settings.startswith("bare"):
        application, landing = "bare.wsgi:application", "/portal/"
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    command = [sys.executable, "-m", "granian", *options, "--blocking-threads", "4", "--no-ws", "--log-level", "error"]
    process = subprocess.Popen([*command, application], env=environment, cwd=ROOT)
    try:
        wait_for(port)
        yield Server(port, process, landing, people, counted)
    finally:
        process.terminate()
        process.wait(20)


def measured(server: Server, acts: list[Callable[[], None]]) -> tuple[float, float]:
    """CPU milliseconds of the server and acts per second, over `acts` from four browsers."""
    cpu, start = server.cpu(), perf_counter()
    with ThreadPoolExecutor(BROWSERS) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result()
    return 1000 * (server.cpu() - cpu) / len(acts), len(acts) / (perf_counter() - start)


def logins(server: Server, people: list[dict[str, str]]) -> list[Callable[[], None]]:
    """A whole login of each, from a fresh browser."""
    return [lambda person=person: server.visitor().sign_in(person) for person in people]  # type: ignore[misc]


def passkeys(server: Server, people: list[dict[str, str]]) -> list[Callable[[], None]]:
    """A passkey login of each."""
    return [
        lambda person=person: server.visitor().sign_in_with_passkey(person, credential_of(person))  # type: ignore[misc]
        for person in people
    ]


def pages(server: Server, person: dict[str, str]) -> list[Callable[[], None]]:
    """The same page, many times, by one signed-in person in four browsers' turn."""
    visitor = server.visitor()
    visitor.sign_in(person)

    def one() -> None:
        fresh = server.visitor()
        fresh.cookies = visitor.cookies
        for _ in range(PAGES // 60):
            fresh.page()

    return [one] * 60


def line(name: str, statements: int | str, cpu: float, rate: float, base: float) -> None:
    print(f"  {name:<42}{statements:>4}{cpu:>11.2f}{cpu / base:>9.2f}{rate:>10.1f}", flush=True)


def main() -> None:
    """Measure and print."""
    with TemporaryDirectory(prefix="m2v-bench-") as scratch:
        bare.make(Path(scratch))
        head = f"  {'':<42}{'SQL':>4}{'CPU ms':>11}{'ratio':>9}{'per s':>10}"
        for title, hashing in (("Without the hash", "none"), ("With Argon2id", "argon2")):
            print(f"\n{title}\n{head}", flush=True)
            folder = Path(scratch) / hashing
            few = PEOPLE - 1 if hashing == "none" else PEOPLE // 4
            with served(
                "bare.settings", Path(scratch), BENCH_HASH=hashing, BARE_DATABASE=f"{scratch}/{hashing}.db"
            ) as server:
                measured(server, logins(server, server.people[:20]))
                base, rate = measured(server, logins(server, server.people[:few]))
                line("bare Django, password login", server.statements["login"], base, rate, base)
                many, rate = measured(server, pages(server, server.people[-1]))
                page = many / (PAGES // 60)
                line("bare Django, signed-in page", server.statements["page"], page, rate * (PAGES // 60), page)
            with served("tests.bench.settings", folder, BENCH_HASH=hashing) as server:
                measured(server, logins(server, server.people[:20]))
                cpu, rate = measured(server, logins(server, server.people[20:few]))
                line("m2v, password and code login", server.statements["login"], cpu, rate, base)
                cpu, rate = measured(server, passkeys(server, server.people[:few]))
                line("m2v, passkey login", server.statements["passkey"], cpu, rate, base)
                many, rate = measured(server, pages(server, server.people[-1]))
                cpu = many / (PAGES // 60)
                line("m2v, signed-in page", server.statements["page"], cpu, rate * (PAGES // 60), page)


if __name__ == "__main__":
    main()
