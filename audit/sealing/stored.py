"""Lines and checkpoints as the database holds them, written out by the database itself.

A line is one JSON array: id, at, action, actor, subject, company, address,
browser and details, in this order. Each value is what is stored, not what it
means: SQLite, whose columns keep whatever they are handed, gives its type and
every character of it, so that a person's id in capitals or a key twice in the
details is another line. PostgreSQL's types have one spelling of each value.
The two spell alike what is alike, but their times, ids, network addresses and
details differ: a checkpoint is about the database in which it was made.

This is SQL because the point is what the database says, before Django reads it.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("id", "at", "action", "actor_id", "subject_id", "company_id", "address", "browser", "details")
FIRST, LAST = -(2**63), 2**63 - 1  # of all ids that the databases can hold
CHUNK = 1000
PATIENCE = 2.0  # seconds for the transactions that are on their way

LINES = "SELECT id, {text} FROM audit_auditevent WHERE id >= %s AND id <= %s ORDER BY id LIMIT %s"
CHECKPOINTS = (
    "SELECT number, {statement}, {signature} FROM audit_checkpoint WHERE number >= %s ORDER BY number LIMIT %s"
)
WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND relation = 'audit_auditevent'::regclass AND mode = 'RowExclusiveLock'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND pid IS DISTINCT FROM pg_backend_pid()
"""


class Line(NamedTuple):
    """A row of the audit: its id, and all that is stored of it."""

    id: int
    text: bytes


class Stored(NamedTuple):
    """A checkpoint as it is stored: what was signed, and the signature."""

    number: int
    statement: bytes
    signature: bytes


def lines(first: int = FIRST, last: int = LAST, most: int = LAST) -> list[Line]:
    """The lines from `first` to `last`, in order of their ids, `most` at most."""
    with connection.cursor() as cursor:
        cursor.execute(LINES.format(text=_text_of_a_line()), [first, last, most])
        return [Line(id_, bytes(text)) for id_, text in cursor.fetchall()]


def lines_from(first: int) -> Iterator[Line]:
    """All lines from `first` on, a thousand at a time in memory."""
    while first <= LAST and (found := lines(first, most=CHUNK)):
        yield from found
        first = found[-1].id + 1


def checkpoints() -> Iterator[Stored]:
    """All checkpoints there are, in order of their numbers."""
    number = FIRST
    while number <= LAST and (found := _checkpoints(number, CHECKPOINTS, CHUNK)):
        yield from found
        number = found[-1].number + 1


def newest_checkpoint() -> Stored | None:
    """The one with the highest number."""
    found = _checkpoints(FIRST, CHECKPOINTS.replace("ORDER BY number", "ORDER BY number DESC"), 1)
    return found[0] if found else None


def settled() -> int | None:
    """An id up to which no line will come any more; None where others have been writing for too long to say.

    SQLite has one writer at a time, which commits in the order of the ids.
    PostgreSQL gives an id first and commits later: there we see who is writing
    to the table now, and wait until they are done. Nobody waits for us. Whoever
    begins later gets a higher id, because the lock is taken before the id is.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT max(id) FROM audit_auditevent")
        (newest,) = cursor.fetchone()
        if connection.vendor == "postgresql":
            end = monotonic() + PATIENCE
            cursor.execute(WRITERS)
            writing = {name for (name,) in cursor.fetchall()}
            while writing:
                if monotonic() > end:
                    return None
                sleep(0.02)
                cursor.execute(WRITERS)
                writing &= {name for (name,) in cursor.fetchall()}
    return int(newest or 0)


def _checkpoints(number: int, statement: str, most: int) -> list[Stored]:
    sql = statement.format(statement=_bytes("statement"), signature=_bytes("signature"))
    with connection.cursor() as cursor:
        cursor.execute(sql, [number, most])
        return [Stored(n, bytes(said or b""), bytes(signed or b"")) for n, said, signed in cursor.fetchall()]


def _bytes(column: str) -> str:
    """The text in `column` as bytes, of which none is lost; nothing where it is no text."""
    if connection.vendor == "postgresql":
        return f"convert_to({column}, 'UTF8')"
    return f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) END"


def _text_of_a_line() -> str:
    if connection.vendor == "postgresql":
        values = {column: column for column in COLUMNS} | {
            # As text in UTC, whatever the session's time zone and style of dates; the era only where it is another.
            "at": "to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || CASE WHEN at < '0001-01-01' THEN ' BC' ELSE '' END",
            "address": "address::text",
            "details": "details::text",
        }
        return f"convert_to(json_build_array({', '.join(values.values())})::text, 'UTF8')"
    written = (
        f"""CASE typeof({column}) WHEN 'blob' THEN '{{"blob":"' || hex({column}) || '"}}' ELSE json_quote({column}) END"""
        for column in COLUMNS
    )
    return "CAST('[' || " + " || ',' || ".join(written) + " || ']' AS BLOB)"
