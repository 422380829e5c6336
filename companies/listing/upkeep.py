"""Puts the listing's view and triggers in place, takes them away, and tells whether the listing is true.

They are taken away by a migration that changes a table which they name, and by no other: SQLite makes a table anew for
most changes, loses its triggers with the old one, and refuses where a view or a trigger of another table names it;
PostgreSQL refuses to change a column that a view reads. Afterwards all is filled again from what is true, and stays so.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.db import DEFAULT_DB_ALIAS, connections, transaction
from django.db.migrations.executor import MigrationExecutor

from companies.listing import sql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.backends.base.base import BaseDatabaseWrapper

SAYS_EDITION = "listing_edition_"  # begins the name of a view that tells which edition is in place
CATALOG = {
    "sqlite": (
        "SELECT type, name FROM sqlite_master WHERE name LIKE 'listing\\_%' ESCAPE '\\' AND type IN ('view', 'trigger')"
        " ORDER BY type"
    ),
    "postgresql": "SELECT 'VIEW', viewname FROM pg_views WHERE schemaname = current_schema AND viewname LIKE 'listing\\_%'"
    " UNION ALL SELECT 'FUNCTION', proname FROM pg_proc"
    " WHERE pronamespace = current_schema::regnamespace AND proname LIKE 'listing\\_%'",
}
# Of catalogs alone: who reads a view waits for whoever puts another in its place.
KEPT_BY = {
    "sqlite": "SELECT name FROM sqlite_master WHERE name LIKE 'listing\\_%' ESCAPE '\\' AND type IN ('view', 'trigger')",
    "postgresql": "SELECT viewname FROM pg_views WHERE schemaname = current_schema AND viewname LIKE 'listing\\_%'"
    " UNION ALL SELECT tgname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid"
    " WHERE relnamespace = current_schema::regnamespace AND tgname LIKE 'listing\\_%'",
}
TABLES_NAMED = "|".join((sql.USERS, *sql.WATCHED, sql.LISTING, f"{sql.LISTING}_search", sql.TALLY, sql.TOTAL))
CHANGES_A_TABLE = re.compile(rf"\s*(ALTER|DROP)\s+TABLE\b.*\b({TABLES_NAMED})\b", re.IGNORECASE | re.DOTALL)
# Views and triggers stay as they are, on both: PostgreSQL alone knows some of it, SQLite makes the table anew instead.
LEAVES_THEM = re.compile(
    r"\s*ALTER\s+TABLE\s+\S+\s+"
    r"(ADD|(DROP|VALIDATE)\s+CONSTRAINT|ALTER\s+(COLUMN\s+)?\S+\s+(SET|DROP)\s+(DEFAULT|NOT\s+NULL))\b",
    re.IGNORECASE,
)
NAME_OF_TRIGGER = re.compile(r"CREATE TRIGGER (\w+)")
# All but the unique ones, with the statement that makes each.
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND sql LIKE 'CREATE INDEX %%'",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema AND tablename = %s"
    " AND indexdef LIKE 'CREATE INDEX %%'",
}
# Without the rows that are gone PostgreSQL would keep both, and read both.
EMPTY = {"sqlite": "DELETE FROM", "postgresql": "TRUNCATE"}
LOCK = f"LOCK TABLE {', '.join((sql.USERS, *sql.WATCHED, sql.LISTING))} IN SHARE ROW EXCLUSIVE MODE"


def before_migrations(*, using: str = DEFAULT_DB_ALIAS, plan: Sequence[Any] = (), **_more: object) -> None:
    """Watch the statements of migrations from here on."""
    watchers = connections[using].execute_wrappers
    if plan and make_way not in watchers:  # it is still there after a migration that failed
        watchers.insert(0, make_way)  # first, because whoever takes theirs away takes the last


def make_way(execute: Callable[..., Any], statement: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:  # noqa: FBT001  # Django's
    """Take all away before a statement that changes a table which it names, in the same transaction."""
    text = str(statement)
    if CHANGES_A_TABLE.match(text) and not LEAVES_THEM.match(text):
        take_away(context["connection"].alias)
    return execute(statement, params, many, context)


def after_migrations(*, using: str = DEFAULT_DB_ALIAS, **_more: object) -> None:
    """In place again, once the tables are those of this version."""
    watchers = connections[using].execute_wrappers
    if make_way in watchers:
        watchers.remove(make_way)
    executor = MigrationExecutor(connections[using])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return
    if in_place(using):
        # `flush` empties table after table in any order: factors that go after the numbers change them once more.
        with connections[using].cursor() as cursor:
            for numbers in (sql.TALLY, sql.TOTAL):
                cursor.execute(f"DELETE FROM {numbers} WHERE NOT EXISTS (SELECT 1 FROM {sql.LISTING})")  # noqa: S608  # names of ours
    else:
        put_in_place(using)


def put_in_place(using: str = DEFAULT_DB_ALIAS) -> None:
    """Fill the listing from what is true, and keep it so from here on."""
    connection = connections[using]
    with transaction.atomic(using=using):
        _take_away(connection)
        with connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(LOCK)  # nobody changes a person between the filling and the triggers
            cursor.execute(sql.TRUTH)
            _fill(connection)
            for statement in [
                *_keeping(connection.vendor),
                f"CREATE VIEW {SAYS_EDITION}{sql.EDITION} AS SELECT 1 AS kept",
            ]:
                cursor.execute(statement)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:  # an index alone tells only of rows that a VACUUM has looked at
            vacuum = "" if connection.in_atomic_block else "VACUUM "
            cursor.execute(f"{vacuum}ANALYZE {sql.LISTING}, {sql.TALLY}, {sql.TOTAL}")


def take_away(using: str = DEFAULT_DB_ALIAS) -> None:
    """Nothing keeps the listing true from here on."""
    with transaction.atomic(using=using):
        _take_away(connections[using])


def in_place(using: str = DEFAULT_DB_ALIAS) -> bool:
    """Is the listing kept: by each trigger of this edition, or by a later one's?

    Of a later one while a release before goes on, or is gone back to: what it put in place suits both.
    """
    connection = connections[using]
    with connection.cursor() as cursor:
        cursor.execute(KEPT_BY[connection.vendor])
        names = {name for (name,) in cursor.fetchall()}
    edition = max((int(name.removeprefix(SAYS_EDITION)) for name in names if name.startswith(SAYS_EDITION)), default=0)
    return edition > sql.EDITION or (edition == sql.EDITION and names >= _triggers(connection.vendor))


def differences(using: str = DEFAULT_DB_ALIAS) -> dict[str, int]:
    """How many rows of the listing, and how many numbers, are not what they should be."""
    found = {}
    with connections[using].cursor() as cursor:
        for what, (true, kept) in sql.DIFFERENCES.items():
            both_ways = f"SELECT (SELECT count(*) FROM ({true} EXCEPT {kept}) a) + (SELECT count(*) FROM ({kept} EXCEPT {true}) b)"  # noqa: S608  # constants of ours
            cursor.execute(both_ways)
            found[what] = int(cursor.fetchone()[0])
    return found


def _take_away(connection: BaseDatabaseWrapper) -> None:
    """Whatever is called listing_…, of any version: its triggers go with PostgreSQL's functions."""
    with connection.cursor() as cursor:
        cursor.execute(CATALOG[connection.vendor])
        made = cursor.fetchall()
        for kind, name in made:
            cursor.execute(f"DROP {kind} IF EXISTS {name}{' CASCADE' if connection.vendor == 'postgresql' else ''}")


def _fill(connection: BaseDatabaseWrapper) -> None:
    """All rows anew, and then their indexes: to change these with each of a million rows takes many times as long."""
    with connection.cursor() as cursor:
        cursor.execute(INDEXES[connection.vendor], [sql.LISTING])
        indexes = cursor.fetchall()
        for name, _made_by in indexes:
            cursor.execute(f"DROP INDEX {name}")
        for table in (sql.LISTING, sql.TALLY, sql.TOTAL):
            cursor.execute(f"{EMPTY[connection.vendor]} {table}")
        for statement in sql.FILL:
            cursor.execute(statement)
        for _name, made_by in indexes:
            cursor.execute(made_by)


def _keeping(vendor: str) -> list[str]:
    return sql.postgresql() if vendor == "postgresql" else sql.sqlite()


def _triggers(vendor: str) -> set[str]:
    return set(NAME_OF_TRIGGER.findall("\n".join(_keeping(vendor))))
