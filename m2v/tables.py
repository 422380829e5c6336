"""Are the tables of this version there, and in which database?"""

from __future__ import annotations

import sqlite3

from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils.translation import gettext as _

MISSING = {"42P01", "42703"}  # PostgreSQL: undefined_table, undefined_column


def missing_migrations() -> list[str]:
    """The migrations of this version that the database has not seen, in their order."""
    executor = MigrationExecutor(connection)
    return [str(migration) for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes())]


def lacks_something(trouble: BaseException) -> bool:
    """Was a table or a column asked for that the database has not?"""
    cause = trouble.__cause__
    wrong_sql = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_ERROR  # which a full disk is not
    return wrong_sql or getattr(cause, "sqlstate", "") in MISSING


def place_of_database() -> str:
    """Where the database is, without who signs in there."""
    said = connection.settings_dict
    if connection.vendor == "sqlite":
        return str(said["NAME"])
    return f"{said['HOST'] or 'localhost'}/{said['NAME']}"


def where_it_is() -> str:
    """Where one looked, for whoever called a command without the settings of the service."""
    text = _("It is {place}. If the service has another one, run this with the settings of the service.")
    return text.format(place=place_of_database())
