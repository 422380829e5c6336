"""Two PostgreSQL servers, one the other's standby, each with a pgbouncer before it: in a folder, on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psycopg

from tests.server.site import within
from tests.with_postgres import free_port, nobody_special, program

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
POOL = ROOT / "contrib" / "pgbouncer" / "pgbouncer.ini"
NAME = "m2v"


class Database:
    """One server and its pool. What is done to it is what an administrator, or a power cut, does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port, self.pool_port = folder, free_port(), free_port()
        self.data, self.who = folder / "data", nobody_special()
        self.pool: subprocess.Popen[bytes] | None = None
        folder.mkdir()
        if self.who:
            os.chown(folder, self.who["user"], self.who["group"])

    def run(self, *command: str, check: bool = True) -> None:
        with (self.folder / "said").open("ab") as said:
            subprocess.run(command, check=check, cwd=self.folder, stdout=said, stderr=said, **self.who)

    # --- The server ---

    def make(self) -> None:
        self.run(
            program("initdb"), "-D", str(self.data), "-U", NAME, "-A", "trust", "-N", "-E", "UTF8", "--locale=C.UTF-8"
        )
        self.start()
        with psycopg.connect(host="127.0.0.1", port=self.port, user=NAME, dbname="postgres", autocommit=True) as one:
            one.execute(f"CREATE DATABASE {NAME}")

    def follow(self, primary: Database) -> None:
        """Be the standby of `primary`, which waits for it with each commit: what is acknowledged is in both."""
        where = f"host=127.0.0.1 port={primary.port} user={NAME}"
        self.run(program("pg_basebackup"), "-D", str(self.data), "-R", "-X", "stream", "-c", "fast", "-N", "-d", where)
        self.start()
        with psycopg.connect(primary.direct, autocommit=True) as one:
            one.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            one.execute("SELECT pg_reload_conf()")
            wait_until(
                lambda: one.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone(), 30
            )

    def start(self) -> None:
        options = (
            f"-h 127.0.0.1 -p {self.port} -k {self.folder} -c max_connections=100 -c wal_retrieve_retry_interval=1s"
        )
        self.run(program("pg_ctl"), "-D", str(self.data), "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        self.run(program("pg_ctl"), "-D", str(self.data), "-w", "-m", mode, "stop", check=mode != "immediate")

    def kill(self) -> None:
        """kill -9: no checkpoint, no goodbye. Its children see it and go."""
        pid = int((self.data / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for process in [pid, *map(int, children)]:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_until(lambda: not any(Path(f"/proc/{each}").exists() for each in (pid, *children)), 20)

    def promote(self) -> None:
        """And have its pool forget that it was a standby: what it says of itself to others is what it saw at the start."""
        here = (program("psql"), "-h", str(self.folder), "-v", "ON_ERROR_STOP=1")
        self.run(*here, "-p", str(self.port), "-U", NAME, NAME, "-c", "SELECT pg_promote()")
        # pgbouncer lets the user in whose process it is.
        self.run(*here, "-p", str(self.pool_port), "-U", "pgbouncer", "pgbouncer", "-c", "RECONNECT")

    @property
    def direct(self) -> str:
        """How psycopg comes to it, past the pool."""
        return f"postgres://{NAME}@127.0.0.1:{self.port}/{NAME}"

    # --- The pool ---

    def start_pool(self) -> None:
        """As contrib/ has it, at other addresses, and without passwords."""
        text = POOL.read_text()
        for told, here in (
            ("port=5432", f"port={self.port}"),
            ("listen_addr = 10.0.0.21", "listen_addr = 127.0.0.1"),
            ("listen_port = 6432", f"listen_port = {self.pool_port}"),
            ("/run/postgresql", str(self.folder)),
            ("/var/log/postgresql", str(self.folder)),
            ("scram-sha-256", "trust"),
            ("/etc/pgbouncer", str(self.folder)),
        ):
            assert told in text, told
            text = text.replace(told, here)
        write(self.folder / "userlist.txt", f'"{NAME}" ""\n')
        write(self.folder / "pgbouncer.ini", text)
        said = self.folder / "pgbouncer.err"
        with said.open("wb") as errors:
            command = ["pgbouncer", str(self.folder / "pgbouncer.ini")]
            self.pool = subprocess.Popen(command, cwd=self.folder, stderr=errors, **self.who)
        wait_until(lambda: listens(self.pool_port), 20, said.read_text)

    def stop_pool(self) -> None:
        """Nobody comes to the server through it any more, should the server come back."""
        if self.pool:
            self.pool.kill()
            self.pool.wait()

    def end(self) -> None:
        self.stop_pool()
        if (self.data / "postmaster.pid").exists():
            self.stop("immediate")


def write(path: Path, text: str) -> None:
    """For the one who runs the servers to read, and nobody else."""
    path.write_text(text)
    if who := nobody_special():
        os.chown(path, who["user"], who["group"])


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(what: Callable[[], object], seconds: float, shown: Callable[[], str] = str) -> None:
    """Until `what` is true; else the test fails, with what is `shown`. A machine with other work has more time."""
    end = monotonic() + within(seconds)
    while not what():
        assert monotonic() < end, f"not within {within(seconds):.0f} seconds: {shown()}"
        sleep(0.05)
