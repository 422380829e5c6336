"""People, their sessions and counts of guesses.

Ten migrations in one, none of which was ever released. An eleventh changed
messages alone: with it or without, a database is the same.
"""

import accounts.text
import django.db.models.deletion
import django.utils.timezone
import uuid
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    replaces = [
        ('accounts', '0002_audit_seals'),
        ('accounts', '0003_safeguards'),
        ('accounts', '0004_audit_triggers'),
        ('accounts', '0005_budget_began_at'),
        ('accounts', '0006_audit_as_written'),
        ('accounts', '0007_locked_accounts'),
        ('accounts', '0008_addresses_of_one_form'),
        ('accounts', '0009_password_is_short'),
        ('accounts', '0010_pending_addresses'),
    ]

    dependencies = [
        ('companies', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='Budget',
            fields=[
                ('key', models.CharField(max_length=80, primary_key=True, serialize=False)),
                ('failures', models.IntegerField()),
                ('blocked_until', models.FloatField()),
                ('last_at', models.FloatField(db_index=True)),
                ('began_at', models.FloatField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='User',
            fields=[
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('username', models.CharField(max_length=150, verbose_name='user name')),
                ('username_folded', accounts.text.FoldedField('username', default='', editable=False)),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('email_folded', accounts.text.FoldedAddressField('email', default='', editable=False)),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('search_text', accounts.text.FoldedField('first_name', 'last_name', 'username', 'email', default='', editable=False)),
                ('role', models.CharField(choices=[('administrator', 'Administrator'), ('company_administrator', 'Company administrator'), ('member', 'Member')], default='member', max_length=30, verbose_name='role')),
                ('language', models.CharField(default='en', max_length=10, verbose_name='language')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('password_is_short', models.BooleanField(default=False, editable=False, null=True)),
                ('created_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('last_sign_in_at', models.DateTimeField(editable=False, null=True)),
                ('session_epoch', models.PositiveIntegerField(default=0, editable=False)),
                ('locked_at', models.DateTimeField(editable=False, null=True)),
                ('two_factor_enabled', models.BooleanField(default=False)),
                ('two_factor_changed_at', models.DateTimeField(editable=False, null=True)),
                ('company', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='users', to='companies.company', verbose_name='company')),
                ('locked_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('two_factor_changed_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='PendingAddress',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('entered_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('entered_by', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='pending_address', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('public_id', models.UUIDField(default=uuid.uuid4, editable=False, unique=True)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('seen_at', models.DateTimeField(default=django.utils.timezone.now, editable=False)),
                ('address', models.GenericIPAddressField(null=True)),
                ('browser', models.CharField(blank=True, max_length=300)),
                ('proved_by', models.TextField(blank=True)),
                ('is_complete', models.BooleanField(default=False)),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
                'abstract': False,
            },
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['company', 'username_folded'], name='users_of_a_company'),
        ),
        migrations.AddIndex(
            model_name='user',
            index=models.Index(fields=['-last_sign_in_at'], name='users_by_last_sign_in'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(fields=('username_folded',), name='one_user_a_name', violation_error_message='This user name is taken. Choose another one.'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.UniqueConstraint(condition=models.Q(('email_folded', ''), _negated=True), fields=('email_folded',), name='one_user_an_address', violation_error_message='This e-mail address belongs to another account. Enter a different one.'),
        ),
        migrations.AddConstraint(
            model_name='user',
            constraint=models.CheckConstraint(condition=models.Q(('role__in', ['administrator', 'company_administrator', 'member'])), name='role_is_known'),
        ),
    ]
