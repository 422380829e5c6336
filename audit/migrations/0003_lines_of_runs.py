"""Indexes of the lines that are part of an act on many, and of those that are not: what such an act did is shown as one.

No column of a line is new, and so what is sealed of it stays (audit.sealing.stored). The index on the time alone goes:
these two are it, in parts. As in 0002 no table is made anew, and so it is dropped by the name that it has here.
"""

import audit.models
import django.db.models.functions.comparison
import django.db.models.lookups
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


LINES = "audit_auditevent"


def drop_the_index_on_time(apps, schema_editor):
    connection = schema_editor.connection
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, LINES)
    for name, about in found.items():
        if about["index"] and not about["unique"] and about["columns"] == ["at"]:
            schema_editor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")


def make_the_index_on_time(apps, schema_editor):
    schema_editor.execute(f"CREATE INDEX {LINES}_at ON {LINES} (at)")


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0002_indexes'),
        ('companies', '0007_bulk_runs'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunPython(drop_the_index_on_time, make_the_index_on_time)],
            state_operations=[
                migrations.AlterField("auditevent", "at", models.DateTimeField(default=django.utils.timezone.now))
            ],
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True)), name='events_alone'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('at'), models.F('id'), condition=models.Q(django.db.models.lookups.IsNull(audit.models.RunOf('details'), False)), name='events_of_runs'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('actor'), models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True)), name='events_alone_by_a_person'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('company'), models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True)), name='events_alone_of_a_company'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True), django.db.models.lookups.Exact(django.db.models.functions.comparison.Coalesce('action', 'action'), models.Func(output_field=models.TextField(), template="'sessions_ended'"))), name='sign_outs_alone'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('company'), models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True), django.db.models.lookups.Exact(django.db.models.functions.comparison.Coalesce('action', 'action'), models.Func(output_field=models.TextField(), template="'sessions_ended'"))), name='sign_outs_alone_in_a_company'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(audit.models.RunOf('details'), models.F('at'), models.F('id'), condition=models.Q(django.db.models.lookups.IsNull(audit.models.RunOf('details'), False)), name='events_of_a_run'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('company'), models.F('actor'), models.F('at'), models.F('id'), condition=models.Q(django.db.models.lookups.IsNull(audit.models.RunOf('details'), False)), name='events_of_runs_in_a_company'),
        ),
    ]
