"""The audit's codes and seals; lines that are there get their code now."""

import audit.sealing.written_once
import django.utils.timezone
from django.db import migrations, models

from audit.sealing import macs
from audit.models import AuditEvent


def sign(apps, schema_editor):
    for line in apps.get_model("accounts", "AuditEvent").objects.order_by("pk").iterator():
        mac = macs.made(AuditEvent._meta.db_table, AuditEvent.columns(line))
        type(line).objects.filter(pk=line.pk).update(mac=mac)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="AuditSeal",
            fields=[
                ("number", models.PositiveBigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("first", models.BigIntegerField()),
                ("last", models.BigIntegerField()),
                ("count", models.PositiveIntegerField()),
                ("ids", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("mac", audit.sealing.written_once.MacField(editable=False, max_length=322)),
            ],
            options={"ordering": ("number",)},
        ),
        migrations.AddField(
            model_name="auditevent",
            name="mac",
            field=models.CharField(default="", editable=False, max_length=322),
            preserve_default=False,
        ),
        migrations.RunPython(sign, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="auditevent",
            name="mac",
            field=audit.sealing.written_once.MacField(editable=False, max_length=322),
        ),
        migrations.AddConstraint(
            model_name="auditevent",
            constraint=models.UniqueConstraint(fields=("mac",), name="no_line_is_a_copy"),
        ),
    ]
