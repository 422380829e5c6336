"""Whether a password is too short to stand alone. Of those that are there it is not known until they are typed."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0008_addresses_of_one_form'),
    ]

    operations = [
        migrations.AddField(
            model_name='user',
            name='password_is_short',
            field=models.BooleanField(editable=False, null=True),
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='user',
                    name='password_is_short',
                    field=models.BooleanField(default=False, editable=False, null=True),
                ),
            ],
        ),
    ]
