"""Indexes by which lines are found among millions, each with the time behind it; those on one column alone go.

No table is made anew: SQLite would drop the triggers that keep the lines as they are. So the single indexes, which
Django calls by a hash, are dropped by the names that they have here.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

LINES = "audit_auditevent"
COLUMNS = ("actor_id", "subject_id", "company_id")


def drop_single_indexes(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, LINES)
    for name, about in found.items():
        if about["index"] and not about["unique"] and about["columns"] in [[column] for column in COLUMNS]:
            schema_editor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")


def make_single_indexes(apps, schema_editor):
    for column in COLUMNS:
        schema_editor.execute(f"CREATE INDEX {LINES}_{column} ON {LINES} ({column})")


def without_index(to, name):
    return models.ForeignKey(
        db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name=name, to=to
    )


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_initial"),
        ("companies", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_single_indexes, make_single_indexes)],
            state_operations=[
                migrations.AlterField("auditevent", "actor", without_index(settings.AUTH_USER_MODEL, "acts")),
                migrations.AlterField("auditevent", "subject", without_index(settings.AUTH_USER_MODEL, "events")),
                migrations.AlterField("auditevent", "company", without_index("companies.company", "events")),
            ],
        ),
        migrations.AddIndex("auditevent", models.Index(fields=["actor", "-at"], name="events_by_a_person")),
        migrations.AddIndex("auditevent", models.Index(fields=["action", "-at"], name="events_of_an_act")),
        migrations.AddIndex("auditevent", models.Index(fields=["actor", "action", "-at"], name="acts_by_a_person")),
        migrations.AddIndex("auditevent", models.Index(fields=["company", "action", "-at"], name="acts_in_a_company")),
    ]
