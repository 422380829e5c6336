"""As the browser says, unless somebody chose: until now there was one language, so nobody did."""

from django.db import migrations, models

import accounts.models


def as_the_browser_says(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(language="en").update(language="")


def back(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(language="").update(language="en")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_owed_mail")]

    operations = [
        migrations.AlterField(
            model_name="user",
            name="language",
            field=models.CharField(blank=True, default="", max_length=10, verbose_name="language"),
        ),
        # First without a default: SQLite would make the table anew, without its triggers.
        migrations.AddField(
            model_name="user",
            name="browser_language",
            field=models.CharField(editable=False, max_length=10, null=True),
        ),
        migrations.AlterField(
            model_name="user",
            name="browser_language",
            field=models.CharField(
                default=accounts.models.language_spoken, editable=False, max_length=10, null=True
            ),
        ),
        migrations.RunPython(as_the_browser_says, back),
    ]
