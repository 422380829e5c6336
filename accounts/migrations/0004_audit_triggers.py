"""The database itself refuses to change or delete a line of the audit, or a seal (ASVS 16.4.2).

SQLite drops a table's triggers when a migration makes the table anew: one
that alters these tables makes the triggers again.
"""

from django.db import migrations

TABLES = ("accounts_auditevent", "accounts_auditseal")
REFUSAL = "The audit is written once, and never changed or deleted."

SQLITE = (
    "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '{refusal}'); END",
    "DROP TRIGGER IF EXISTS {table}_no_{act}",
)
POSTGRESQL = (
    "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION accounts_refuse()",
    "DROP TRIGGER IF EXISTS {table}_no_{act} ON {table}",
)
FUNCTION = (
    "CREATE OR REPLACE FUNCTION accounts_refuse() RETURNS trigger LANGUAGE plpgsql AS "
    f"$$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
)


def statements(vendor, *, made):
    """What makes the triggers on this kind of database, or unmakes them."""
    acts = {"sqlite": ("update", "delete"), "postgresql": ("update", "delete", "truncate")}.get(vendor, ())
    forms = {"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(vendor, ("", ""))
    each = [forms[0 if made else 1].format(table=table, act=act, refusal=REFUSAL) for table in TABLES for act in acts]
    if vendor != "postgresql":
        return each
    return [FUNCTION, *each] if made else [*each, "DROP FUNCTION IF EXISTS accounts_refuse()"]


def run(schema_editor, *, made):
    for statement in statements(schema_editor.connection.vendor, made=made):
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_safeguards")]

    operations = [
        migrations.RunPython(
            lambda apps, schema_editor: run(schema_editor, made=True),
            lambda apps, schema_editor: run(schema_editor, made=False),
        ),
    ]
