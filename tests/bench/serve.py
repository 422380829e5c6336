"""Filling and serving the projects of the benchmark, and reading what that costs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from time import clock_gettime
from typing import TYPE_CHECKING, Any

from tests.bench.visit import Visitor, wait_for
from tests.with_postgres import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent.parent
HERE = Path(sys.executable)


@dataclass(frozen=True)
class Project:
    """A project whose database is filled: how to run it, its people, and the SQL statements that were counted in it."""

    name: str  # its folder in tests/bench/projects
    python: Path
    environment: dict[str, str]
    people: list[dict[str, str]]
    statements: dict[str, int]

    @property
    def walk(self) -> Any:
        """The way in."""
        return import_module(f"tests.bench.projects.{self.name}.walk")

    @property
    def has_passkeys(self) -> bool:
        """Whether a passkey alone signs in."""
        return "passkey" in self.statements


@dataclass(frozen=True)
class Server:
    """A project being served: where, and by which process."""

    project: Project
    port: int
    process: subprocess.Popen[bytes]

    def visitor(self) -> Visitor:
        """A fresh browser."""
        return Visitor(self.port)

    def cpu(self) -> float:
        """Seconds of CPU that the server's processes have used so far, by the clocks that Linux keeps of them."""
        return sum(clock_gettime((~pid << 3) | 2) for pid in family(self.process.pid))


def family(pid: int) -> list[int]:
    """A process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(member for child in children for member in family(int(child)))]


def filled(name: str, folder: Path, number: int, hashing: str, python: Path = HERE) -> Project:
    """The project of this name, with `number` people in its database below `folder`."""
    port = free_port()
    data = folder / name
    (data / "static").mkdir(parents=True)
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": f"tests.bench.projects.{name}.settings",
        "DATA_DIR": str(data),
        "PORT": str(port),
        "BASE_URL": f"http://localhost:{port}",
        "PYTHONPATH": str(ROOT),
        "BENCH_HASH": hashing,
    }
    people = told(python, environment, "tests.bench.people", name, number + 2)
    counted = told(python, environment, "tests.bench.statements", name, given=[people.pop(), people.pop()])
    return Project(name, python, environment, people, counted)


def told(python: Path, environment: dict[str, str], module: str, *arguments: object, given: object = None) -> Any:
    """What `module`, run in the project of this environment, says in JSON."""
    done = subprocess.run(
        [python, "-m", module, *map(str, arguments)],
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


def command(project: Project) -> list[str]:
    """Ours as `make run` serves it; others as Django's deployment pages say, by a server that speaks WSGI."""
    if project.name == "m2v":
        return ["manage.py", "serve"]
    port = project.environment["PORT"]
    options = ["--host", "127.0.0.1", "--port", port, "--workers", "2", "--blocking-threads", "4"]
    options += ["--interface", "wsgi", "--no-ws", "--log-level", "error", "--factory"]
    return ["-m", "granian", *options, "django.core.wsgi:get_wsgi_application"]


@contextmanager
def served(project: Project) -> Iterator[Server]:
    """`project` at its port."""
    environment, port = project.environment, int(project.environment["PORT"])
    log = (Path(environment["DATA_DIR"]) / f"log-{port}").open("wb")  # written as in earnest: it is part of the cost
    process = subprocess.Popen([project.python, *command(project)], env=environment, cwd=ROOT, stderr=log)
    try:
        wait_for(port, project.walk.LANDING)
        yield Server(project, port, process)
    finally:
        process.terminate()
        process.wait(20)
        log.close()
