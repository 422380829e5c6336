"""The embedded default in and out, as SQL: what `sqlite3 NEW.sqlite3` reads.

It is read in one transaction, which sees the database as it was at its beginning while others go on writing. SQLite's own
backup and VACUUM INTO need a file, or all of the memory: a copy that nobody encrypted.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from django.db import connection
from django.utils.translation import gettext as _

from m2v.backups.age import FromParts, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterator

# A value as SQL spells it. `quote` ends at a zero character.
VALUE = (
    "CASE WHEN typeof({column}) = 'text' AND instr({column}, char(0)) "
    "THEN 'CAST(X''' || hex({column}) || ''' AS TEXT)' ELSE quote({column}) END"
)
PART = 64 * 1024  # bytes of SQL handed on at a time


@contextmanager
def read_embedded() -> Iterator[FromParts]:
    """The database, to be read from its beginning to its end."""
    with closing(sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute("SELECT count(*) FROM sqlite_master")  # the transaction begins with the first look
        yield FromParts(_parts(database))


def _parts(database: sqlite3.Connection) -> Iterator[bytes]:
    part = bytearray()
    for statement in _statements(database):
        part += statement.encode() + b"\n"
        if len(part) > PART:
            yield bytes(part)
            part.clear()
    yield bytes(part)


def _statements(database: sqlite3.Connection) -> Iterator[str]:
    """SQL that makes the same database. Python's `iterdump` forgets by which numbers an index of searches finds its rows."""
    kinds = dict(database.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'"))
    made = dict(database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"))
    ours = {name: sql for name, sql in made.items() if not name.startswith("sqlite_")}
    tables = [name for name in ours if kinds.get(name) == "table"]
    searches = [name for name in ours if kinds.get(name) == "virtual"]  # make tables of their own, the shadows
    yield "BEGIN;"
    for name in (*tables, *searches):
        yield f"{ours[name]};"
    for name in tables:
        yield from _rows(database, name)
    if "sqlite_sequence" in kinds:  # the next numbers, after the rows that count them up
        yield "DELETE FROM sqlite_sequence;"
        yield from _rows(database, "sqlite_sequence")
    for name in searches:
        yield f"INSERT INTO {_quoted(name)} ({_quoted(name)}) VALUES ('rebuild');"  # noqa: S608  # the schema’s own names
    for name, sql in ours.items():
        if kinds.get(name, "view") == "view":  # and indexes and triggers, which are no tables
            yield f"{sql};"
    if "sqlite_stat1" in kinds:
        yield "ANALYZE;"
    yield "COMMIT;"


def _rows(database: sqlite3.Connection, table: str) -> Iterator[str]:
    columns = [name for (name,) in database.execute("SELECT name FROM pragma_table_info(?)", (table,))]
    values = " || ',' || ".join(VALUE.format(column=_quoted(name)) for name in columns)
    rows = f"SELECT 'INSERT INTO {_quoted(table)} VALUES(' || {values} || ');' FROM {_quoted(table)}"  # noqa: S608  # the schema's own names
    for (statement,) in database.execute(rows):
        yield statement


def _quoted(name: str) -> str:
    """A table's or column's name; ours have no quotes in them."""
    return f'"{name}"'


class Statements:
    """Takes SQL part by part, and does each statement as soon as it is whole."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._line, self._statement = bytearray(), ""

    def write(self, data: bytes) -> int:
        *lines, rest = (bytes(self._line) + data).split(b"\n")
        for line in lines:
            self._statement += line.decode() + "\n"
            if sqlite3.complete_statement(self._statement):
                self._database.execute(self._statement)
                self._statement = ""
        self._line = bytearray(rest)
        return len(data)

    def flush(self) -> None: ...

    def end(self) -> None:
        """Raises Trouble where something is left over."""
        if self._line or self._statement.strip():
            raise Trouble(_("The database’s file ends in the middle of a statement."))


@contextmanager
def fill_embedded() -> Iterator[Statements]:
    """Something to write the database into. It takes its place at the end of the block, whole, or not at all."""
    path = Path(connection.settings_dict["NAME"])
    connection.close()
    for_now = path.with_name(f".{path.name}.{token_hex(4)}")
    for_now.touch(mode=0o600, exist_ok=False)
    try:
        with closing(sqlite3.connect(for_now, isolation_level=None)) as database:
            database.set_authorizer(within_this_file)
            statements = Statements(database)
            yield statements
            statements.end()
        with closing(sqlite3.connect(for_now)) as database:  # opened anew: now the table of searches is known, too
            if database.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise Trouble(_("What was read is not a complete database."))
        for_now.rename(path)
    except sqlite3.Error as trouble:
        text = _("The database cannot be made of what was read: {why}.")
        raise Trouble(text.format(why=trouble)) from trouble
    finally:
        for_now.unlink(missing_ok=True)


def within_this_file(act: int, *_of_what: str | None) -> int:
    """Nothing that is read writes another file."""
    return sqlite3.SQLITE_DENY if act == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK
