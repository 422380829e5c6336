"""The database takes no row into the audit that the product would not write.

A check on both databases keeps ids at 1 and above. SQLite stores whatever it
is handed, so triggers there also refuse another spelling of a value, and a
row in the place of one that is there (`REPLACE`, whose deletions fire no
trigger). Adding a constraint makes SQLite's tables anew, without triggers:
those of 0004 are made again.
"""

from importlib import import_module

from django.db import migrations, models

earlier = import_module("accounts.migrations.0004_audit_triggers")

NOT_AS_WRITTEN = "This is not as the product writes the audit."
TIME = "'" + "-".join(["[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2]) + " " + ":".join(["[0-9]" * 2] * 3)


def a_time(column):
    return f"(NEW.{column} GLOB {TIME}' OR NEW.{column} GLOB {TIME}.{'[0-9]' * 6}')"


def an_id(column):
    return f"(NEW.{column} IS NULL OR (length(NEW.{column}) = 32 AND NEW.{column} NOT GLOB '*[^0-9a-f]*'))"


def json_without_a_key_twice(column):
    twice = f"SELECT count(*) > count(DISTINCT fullkey) FROM json_tree(NEW.{column})"
    return f"CASE WHEN json_valid(NEW.{column}) THEN NOT ({twice}) ELSE 0 END"


# Of each table: its key, the columns that no two rows share, and what holds for a row that the product wrote.
TABLES = {
    "accounts_auditevent": (
        "id",
        ("id", "mac"),
        [a_time("at"), an_id("actor_id"), an_id("subject_id"), an_id("company_id"), json_without_a_key_twice("details")],
    ),
    "accounts_auditseal": ("number", ("number",), [a_time("at"), json_without_a_key_twice("ids")]),
}


def sqlite_triggers():
    for table, (key, unique, holds) in TABLES.items():
        # Before an insert, SQLite says -1 for a key that it is yet to give.
        there = " OR ".join(f"(NEW.{column} <> -1 AND {column} = NEW.{column})" for column in unique)
        yield (
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN EXISTS (SELECT 1 FROM {table} WHERE {there}) "
            f"BEGIN SELECT RAISE(ABORT, '{earlier.REFUSAL}'); END"
        )
        yield (
            f"CREATE TRIGGER {table}_as_written AFTER INSERT ON {table} WHEN NOT ({' AND '.join(holds)}) "
            f"BEGIN SELECT RAISE(ABORT, '{NOT_AS_WRITTEN}'); END"
        )


def make_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in [*earlier.statements("sqlite", made=True), *sqlite_triggers()]:
            schema_editor.execute(statement, params=None)


def make_earlier_triggers(apps, schema_editor):
    if schema_editor.connection.vendor == "sqlite":
        for statement in earlier.statements("sqlite", made=True):
            schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_budget_began_at")]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, make_earlier_triggers),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.CheckConstraint(condition=models.Q(id__gte=1), name="lines_are_numbered_from_1"),
        ),
        migrations.AddConstraint(
            model_name="auditseal",
            constraint=models.CheckConstraint(condition=models.Q(number__gte=1), name="seals_are_numbered_from_1"),
        ),
        migrations.RunPython(make_triggers, migrations.RunPython.noop),
    ]
