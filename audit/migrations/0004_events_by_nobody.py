"""Indexes of what nobody who was signed in did: among all the sign-ins that were refused, the rest is rare."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0003_lines_of_runs'),
        ('companies', '0009_total'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('action'), models.F('at'), models.F('id'), condition=models.Q(('actor', None)), name='events_by_nobody'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('company'), models.F('action'), models.F('at'), models.F('id'), condition=models.Q(('actor', None)), name='events_by_nobody_in_a_company'),
        ),
    ]
