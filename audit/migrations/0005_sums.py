"""People of an import are lines of an act on many: those who were created alone have indexes, as those signed out alone do.

What an act did in a company has a sum of its own, so that no list looks for its lines there.
"""

import audit.models
import django.db.models.functions.comparison
import django.db.models.lookups
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('audit', '0004_events_by_nobody'),
        ('companies', '0009_total'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='auditevent',
            name='events_of_runs_in_a_company',
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True), django.db.models.lookups.Exact(django.db.models.functions.comparison.Coalesce('action', 'action'), models.Func(output_field=models.TextField(), template="'user_created'"))), name='created_alone'),
        ),
        migrations.AddIndex(
            model_name='auditevent',
            index=models.Index(models.F('company'), models.F('at'), models.F('id'), condition=models.Q(audit.models.IsAlone(audit.models.RunOf('details'), True), django.db.models.lookups.Exact(django.db.models.functions.comparison.Coalesce('action', 'action'), models.Func(output_field=models.TextField(), template="'user_created'"))), name='created_alone_in_a_company'),
        ),
    ]
