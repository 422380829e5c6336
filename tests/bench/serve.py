"""Serving the two projects for the benchmark, and reading what that costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import clock_gettime
from typing import TYPE_CHECKING, Any

from tests.bench.visit import Visitor, wait_for
from tests.with_postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Project:
    """A project whose database is filled: how to run it, its people, and the SQL statements that were counted in it."""

    environment: dict[str, str]
    application: str
    landing: str
    people: list[dict[str, str]]
    statements: dict[str, int]


@dataclass(frozen=True)
class Server:
    """A project being served: where, and by which process."""

    project: Project
    port: int
    process: subprocess.Popen[bytes]

    def visitor(self) -> Visitor:
        """A fresh browser."""
        return Visitor(self.port, self.project.landing)

    def cpu(self) -> float:
        """Seconds of CPU that the server's processes have used so far, by the clocks that Linux keeps of them."""
        return sum(clock_gettime((~pid << 3) | 2) for pid in family(self.process.pid))


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def filled(settings: str, folder: Path, number: int, **environment: str) -> Project:
    """The project with these settings, with `number` people in its database below `folder`."""
    port = free_port()
    (folder / "data" / "static").mkdir(parents=True)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": settings,
        "DATA_DIR": str(folder / "data"),
        "BARE_DATABASE": str(folder / "bare.sqlite3"),
        "PORT": str(port),
        "BASE_URL": f"http://localhost:{port}",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{folder.parent}",
        **environment,
    }

    people = told(environment, "tests.bench.people", number + 1)
    counted = told(environment, "tests.bench.statements", given=people.pop())
    bare = settings.startswith("bare")
    application, landing = ("bare.wsgi:application", "/portal/") if bare else ("m2v.wsgi:application", "/bench/")
    return Project(environment, application, landing, people, counted)


def told(environment: dict[str, str], module: str, *arguments: object, given: object = None) -> Any:
    """What `module`, run in the project of this environment, says in JSON."""
    done = subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment,
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    if done.returncode:
        sys.exit(done.stderr)
    return json.loads(done.stdout)


@contextmanager
def served(project: Project) -> Iterator[Server]:
    """`project` at its port, as `make run` serves it."""
    environment, port = project.environment, project.environment["PORT"]
    # The bare one is served as Django's deployment pages say, by a server that speaks WSGI.
    options = [
        "--interface",
        "wsgi",
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--workers",
        "2",
        "--blocking-threads",
        "4",
    ]
    bare = ["-m", "granian", *options, "--no-ws", "--log-level", "error", project.application]
    command = [sys.executable, *(["manage.py", "serve"] if project.application.startswith("m2v.") else bare)]
    log = (Path(environment["DATA_DIR"]) / f"log-{port}").open("wb")  # written as in earnest: it is part of the cost
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stderr=log)
    try:
        wait_for(int(port), project.landing)
        yield Server(project, int(port), process)
    finally:
        process.terminate()
        process.wait(20)
        log.close()
