"""The audit's lines and checkpoints, and what the database itself refuses to do with them (ASVS 16.4.2).

No row is changed or deleted, and none is written that the product would not
write: on both databases none is numbered below 1, and on SQLite, which stores
whatever it is handed, none spells a value otherwise or takes another's place
(`REPLACE`, whose deletions fire no trigger). SQLite drops a table's triggers
when a migration makes the table anew: one that alters these tables makes the
triggers again.

Until release 5.5 the lines were in another table, with a code in each. They
are copied as they are, codes and seals end, and all of them are sealed anew.
"""

import sys

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from audit.sealing.checkpoints import seal_lines

LINES, CHECKPOINTS = "audit_auditevent", "audit_checkpoint"
REFUSAL = "The audit is written once, and never changed or deleted."
NOT_AS_WRITTEN = "This is not as the product writes the audit."

# --- What the database refuses ---

SQLITE = "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END"
POSTGRESQL = "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()"
FUNCTION = (
    "CREATE OR REPLACE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
)
TIME = "'" + "-".join(["[0-9]" * 4, "[0-9]" * 2, "[0-9]" * 2]) + " " + ":".join(["[0-9]" * 2] * 3)


def a_time(column):
    return f"(NEW.{column} GLOB {TIME}' OR NEW.{column} GLOB {TIME}.{'[0-9]' * 6}')"


def an_id(column):
    return f"(NEW.{column} IS NULL OR (length(NEW.{column}) = 32 AND NEW.{column} NOT GLOB '*[^0-9a-f]*'))"


def json_without_a_key_twice(column):
    twice = f"SELECT count(*) > count(DISTINCT fullkey) FROM json_tree(NEW.{column})"
    return f"CASE WHEN json_valid(NEW.{column}) THEN NOT ({twice}) ELSE 0 END"


# Of each table: its key, and what holds for a row that the product wrote.
WRITTEN = {
    LINES: (
        "id",
        [a_time("at"), an_id("actor_id"), an_id("subject_id"), an_id("company_id"), json_without_a_key_twice("details")],
    ),
    CHECKPOINTS: ("number", [json_without_a_key_twice("statement")]),
}


def triggers(vendor):
    """What makes the triggers on this kind of database."""
    if vendor == "postgresql":
        yield FUNCTION
    for table, (key, holds) in WRITTEN.items():
        for act in {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}.get(vendor, ()):
            yield {"sqlite": SQLITE, "postgresql": POSTGRESQL}[vendor].format(table=table, act=act, refusal=REFUSAL)
        if vendor == "sqlite":
            # Before an insert, SQLite says -1 for a key that it is yet to give.
            yield (
                f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} WHEN NEW.{key} <> -1 AND "
                f"EXISTS (SELECT 1 FROM {table} WHERE {key} = NEW.{key}) BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
            yield (
                f"CREATE TRIGGER {table}_as_written AFTER INSERT ON {table} WHEN NOT ({' AND '.join(holds)}) "
                f"BEGIN SELECT RAISE(ABORT, '{NOT_AS_WRITTEN}'); END"
            )


def make_triggers(apps, schema_editor):
    for statement in triggers(schema_editor.connection.vendor):
        schema_editor.execute(statement, params=None)


def drop_function(apps, schema_editor):
    """The triggers go with their tables."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION IF EXISTS audit_refuse() CASCADE")


# --- What was there before ---

COLUMNS = "id, at, action, actor_id, subject_id, company_id, address, browser, details"


def take_over(apps, schema_editor):
    """Copy the lines of the table of before, and seal them."""
    connection = schema_editor.connection
    if "accounts_auditevent" not in connection.introspection.table_names():
        return
    schema_editor.execute(f"INSERT INTO {LINES} ({COLUMNS}) SELECT {COLUMNS} FROM accounts_auditevent ORDER BY id")
    if connection.vendor == "postgresql":
        schema_editor.execute(
            f"SELECT setval(pg_get_serial_sequence('{LINES}', 'id'), last_value, is_called) "
            "FROM accounts_auditevent_id_seq"
        )
    for table in ("accounts_auditevent", "accounts_auditseal"):
        schema_editor.execute(f"DROP TABLE {table}")
    if connection.vendor == "postgresql":
        schema_editor.execute("DROP FUNCTION accounts_refuse()")
    if number := seal_lines():
        print(
            f"The audit's {number} lines are sealed anew, as they were found. That they are as they were written, the "
            "`audit_verify` of the version before can say: of a copy of the database from before this upgrade.",
            file=sys.stderr,
        )


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("companies", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                ("action", models.CharField(max_length=40)),
                ("address", models.GenericIPAddressField(null=True)),
                ("browser", models.CharField(blank=True, max_length=300)),
                ("details", models.JSONField(default=dict)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="acts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "company",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="companies.company",
                    ),
                ),
                (
                    "subject",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-id"),
                "indexes": [
                    models.Index(fields=["subject", "-at"], name="events_of_a_person"),
                    models.Index(fields=["company", "-at"], name="events_of_a_company"),
                ],
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id__gte", 1)), name="lines_are_numbered_from_1")
                ],
            },
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("statement", models.TextField()),
                ("signature", models.CharField(max_length=128)),
            ],
            options={
                "ordering": ("number",),
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("number__gte", 1)), name="checkpoints_are_numbered_from_1")
                ],
            },
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
        migrations.RunPython(make_triggers, drop_function),
    ]
