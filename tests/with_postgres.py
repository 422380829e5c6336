"""Run a command with DATABASE_URL pointing at a throw-away PostgreSQL server: `with_postgres.py pytest …`.

The server lives in a temporary folder, listens on a free port of the loopback
address, and is stopped when the command ends.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=200"


def program(name: str) -> str:
    """The server program of this name, of the release in POSTGRES_BIN, else of the newest. Debian keeps them off the PATH."""
    if chosen := os.environ.get("POSTGRES_BIN"):
        return f"{chosen}/{name}"
    debian = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(debian[-1]) if debian else shutil.which(name)
    if not found:
        sys.exit(f"PostgreSQL's {name} was not found. Install its server, on Debian: apt-get install postgresql")
    return found


def nobody_special() -> dict[str, Any]:
    """What makes a subprocess unprivileged: the server refuses to run as root."""
    if os.getuid() != 0:
        return {}
    them = pwd.getpwnam("postgres")
    return {"user": them.pw_uid, "group": them.pw_gid, "extra_groups": []}


def free_port() -> int:
    """A port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def postgres() -> Iterator[str]:
    """A running server; its DATABASE_URL."""
    who = nobody_special()
    with TemporaryDirectory(prefix="m2v-postgres-") as folder:
        if who:
            os.chown(folder, who["user"], who["group"])
        data, port = f"{folder}/data", free_port()

        def run(*command: str) -> None:
            subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **who)

        run(program("initdb"), "-D", data, "-U", "m2v", "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-h 127.0.0.1 -p {port} -k {folder} {FAST}"
        run(program("pg_ctl"), "-D", data, "-w", "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield f"postgres://m2v@127.0.0.1:{port}/postgres"
        finally:
            run(program("pg_ctl"), "-D", data, "-m", "immediate", "stop")


if __name__ == "__main__":
    with postgres() as url:
        done = subprocess.run(sys.argv[1:], env=os.environ | {"DATABASE_URL": url}, check=False)
    sys.exit(done.returncode)
