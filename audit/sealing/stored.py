"""Lines and checkpoints exactly as the database holds them, spelt out by the database itself.

A line is a JSON array (RFC 8259) of id, at, action, actor, subject, company,
address, browser and details, in this order. Each value is what is stored, not
what it means. SQLite's columns keep whatever they are given, so there the type
and every character count: a person's id in capitals, or a key that occurs
twice in the details, makes a different line. PostgreSQL's types have a single
spelling of each value. The two databases agree on most values, but not on
times, ids, network addresses and details: a checkpoint is only valid in the
database it was made in.

This is SQL by hand because what was signed once has to be spelt the same for
as long as the audit is kept. A queryset would convert values on the way, and
the next release of Django may write its casts differently: then no checkpoint
made before would hold. `pg_locks` is the server's own and no table of ours.
"""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING, NamedTuple

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator

COLUMNS = ("id", "at", "action", "actor_id", "subject_id", "company_id", "address", "browser", "details")
FIRST, LAST = -(2**63), 2**63 - 1  # the range of ids in both databases
CHUNK = 1000  # rows in memory at a time
PATIENCE = 2.0  # seconds to wait for transactions that are still writing

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
    """A row of the audit: its id, and everything stored in it."""

    id: int
    text: bytes


class Stored(NamedTuple):
    """A checkpoint as it is stored: the signed statement, and the signature."""

    number: int
    statement: bytes
    signature: bytes


def lines(first: int = FIRST, last: int = LAST, most: int = LAST) -> list[Line]:
    """The lines with ids from `first` to `last`, in order, at most `most` of them."""
    with connection.cursor() as cursor:
        cursor.execute(LINES.format(text=_text_of_a_line()), [first, last, most])
        return [Line(id_, bytes(text)) for id_, text in cursor.fetchall()]


def lines_from(first: int) -> Iterator[Line]:
    """All lines from the id `first` on, in order."""
    while first <= LAST and (found := lines(first, most=CHUNK)):
        yield from found
        first = found[-1].id + 1


def checkpoints() -> Iterator[Stored]:
    """All checkpoints, in order of their numbers."""
    number = FIRST
    while number <= LAST and (found := _checkpoints(number, CHECKPOINTS, CHUNK)):
        yield from found
        number = found[-1].number + 1


def newest_checkpoint() -> Stored | None:
    """The checkpoint with the highest number, if there is one."""
    found = _checkpoints(FIRST, CHECKPOINTS.replace("ORDER BY number", "ORDER BY number DESC"), 1)
    return found[0] if found else None


def settled() -> int | None:
    """An id up to which no new line can appear; None if a transaction has been writing for too long to tell.

    SQLite has one writer at a time, so ids are committed in order. PostgreSQL
    hands out an id first and commits later, so there we look up which
    transactions hold a lock on the table, and wait until those have ended;
    nothing waits for us. A transaction that begins later takes its lock before
    its id, which is therefore higher (PostgreSQL documentation, section 13.3.1,
    "Table-Level Locks").
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
    """SQL for the text in `column` as bytes, none of them lost; NULL if it holds no text."""
    if connection.vendor == "postgresql":
        return f"convert_to({column}, 'UTF8')"
    return f"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) END"


def _text_of_a_line() -> str:
    if connection.vendor == "postgresql":
        values = {column: column for column in COLUMNS} | {
            # In UTC, whatever time zone and date style the session has; the era only for dates before year 1.
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
