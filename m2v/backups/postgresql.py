"""A PostgreSQL database in and out, by its own `pg_dump` and `pg_restore`: one snapshot, and one transaction."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING

from django.db import connection
from django.utils.translation import gettext as _
from psycopg import pq
from psycopg.conninfo import make_conninfo

from m2v.backups.age import Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

DEBIAN = Path("/usr/lib/postgresql")  # a folder for the programs of each version, off the PATH
LONGEST_COMPLAINT = 500
DUMP_OPTIONS = ("--format=custom",)
FILL_OPTIONS = ("--format=custom", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")


@contextmanager
def read_server() -> Iterator[IO[bytes]]:
    """The database, to be read from its beginning to its end. Raises Trouble at the end of the block if that was not all."""
    with _running("pg_dump", DUMP_OPTIONS, stdout=subprocess.PIPE) as process:
        assert process.stdout
        yield process.stdout


class Pipe:
    """Into a program. What it no longer takes is dropped: how it ended says why."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe: IO[bytes] | None = pipe

    def write(self, data: bytes) -> int:
        if self._pipe:
            try:
                self._pipe.write(data)
            except BrokenPipeError:
                self._pipe = None
        return len(data)

    def flush(self) -> None: ...


@contextmanager
def fill_server() -> Iterator[Pipe]:
    """Something to write the database into. All of it is there at the end of the block, or nothing and Trouble."""
    with _running("pg_restore", FILL_OPTIONS, stdin=subprocess.PIPE) as process:
        assert process.stdin
        yield Pipe(process.stdin)


@contextmanager
def _running(
    name: str, options: tuple[str, ...], *, stdin: int | None = None, stdout: int | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """The program `name` at this database. Raises Trouble at the end of the block if it fails, with what it says."""
    known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
    where = {key: value for key, value in connection.get_connection_params().items() if key in known}
    secret = {"PGPASSWORD": where.pop("password")} if "password" in where else {}  # arguments are for all to see
    command = [_program(name), f"--dbname={make_conninfo('', **where)}", *options]
    with (
        TemporaryFile() as complaints,
        subprocess.Popen(  # noqa: S603  # PostgreSQL's own, without a shell
            command, env=os.environ | secret, stdin=stdin, stdout=stdout, stderr=complaints
        ) as process,
    ):
        try:
            yield process
            process.communicate()
        except BaseException:
            process.kill()
            raise
        if process.returncode:
            complaints.seek(0)
            said = complaints.read(LONGEST_COMPLAINT).decode(errors="replace").strip()
            text = _("{program} ended with {number}: {said}")
            raise Trouble(text.format(program=name, number=process.returncode, said=said))


def _program(name: str) -> str:
    """The oldest one that is not older than the server, so that what it writes is no newer than need be. Raises Trouble."""
    server = connection.get_database_version()[0]
    connection.close()
    found: dict[int, str] = {}
    for path in (*sorted(DEBIAN.glob(f"*/bin/{name}")), shutil.which(name)):
        if path and (version := _version(str(path))):
            found[version] = str(path)
    if not found:
        text = _("{program} is not on the PATH. Install PostgreSQL’s client programs of version {server} or newer.")
        raise Trouble(text.format(program=name, server=server))
    if fit := [version for version in found if version >= server]:
        return found[min(fit)]
    text = _(
        "The server is PostgreSQL {server}, and {program} is of version {found}: too old. Install that of {server}."
    )
    raise Trouble(text.format(server=server, program=name, found=max(found)))


def _version(program: str) -> int | None:
    """The number before the first dot of its version."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603  # as above
    number = re.search(r"\) (\d+)", said)
    return int(number[1]) if number else None
