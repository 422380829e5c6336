"""The listing of people, the tally, and the companies' names without accents.

What fills the listing and keeps it true is put in place after all migrations (companies.listing.upkeep). PostgreSQL
finds parts of words by its extension pg_trgm, which it lets the owner of a database install; SQLite by a table of its
own full-text search.
"""

import accounts.text
import companies.listing.models
import django.db.models.deletion
from django.db import migrations, models

from accounts.text import plain

POSTGRESQL = (
    "CREATE EXTENSION IF NOT EXISTS pg_trgm",
    # One order of names wherever the database is, and one that finds how a name begins.
    'ALTER TABLE companies_listing ALTER COLUMN name TYPE text COLLATE "C"',
    # Without a list of what is new, which every search would read.
    "CREATE INDEX listed_by_text ON companies_listing USING gin (text gin_trgm_ops) WITH (fastupdate = off)",
    "ALTER TABLE companies_listing ALTER COLUMN text SET STATISTICS 1000",
)
SQLITE = (
    "CREATE VIRTUAL TABLE companies_listing_search"
    " USING fts5(text, content='companies_listing', content_rowid='id', tokenize='trigram')",
)


def name_plainly(apps, schema_editor):
    companies = apps.get_model('companies', 'Company').objects
    for pk, name in list(companies.values_list('pk', 'name')):
        companies.filter(pk=pk).update(name_plain=plain(name))


def make_search(apps, schema_editor):
    for statement in POSTGRESQL if schema_editor.connection.vendor == 'postgresql' else SQLITE:
        schema_editor.execute(statement)


def drop_search(apps, schema_editor):
    if schema_editor.connection.vendor == 'sqlite':
        schema_editor.execute("DROP TABLE companies_listing_search")


class Migration(migrations.Migration):

    dependencies = [
        ('companies', '0001_initial'),
    ]

    operations = [
        migrations.AddField(
            model_name='company',
            name='name_plain',
            # With a default in the database: the release before makes companies too, while both serve.
            field=accounts.text.PlainField('name', db_default='', default='', editable=False),
        ),
        migrations.CreateModel(
            name='Listing',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('person', models.UUIDField(unique=True)),
                ('kind', models.IntegerField()),
                ('name', models.TextField()),
                ('text', companies.listing.models.SearchedField()),
                ('last_sign_in_at', models.DateTimeField(null=True)),
                ('company', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='companies.company')),
            ],
            options={
                'indexes': [models.Index(fields=['name', 'id', 'company', 'kind'], name='listed_by_name'), models.Index(fields=['company', 'name', 'id', 'kind'], name='listed_by_company'), models.Index(fields=['kind', 'company'], name='listed_by_kind'), models.Index(fields=['last_sign_in_at', 'id', 'company', 'kind'], name='listed_by_sign_in')],
            },
        ),
        migrations.CreateModel(
            name='Tally',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('kind', models.IntegerField()),
                ('number', models.IntegerField()),
                ('company', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='companies.company')),
            ],
            options={
                'indexes': [models.Index(fields=['kind', 'company', 'number'], name='tally_by_kind'), models.Index(fields=['company', 'kind', 'number'], name='tally_by_company')],
            },
        ),
        migrations.RunPython(name_plainly, migrations.RunPython.noop),
        migrations.RunPython(make_search, drop_search),
    ]
