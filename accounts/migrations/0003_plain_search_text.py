"""What a search looks through, without accents. The column is the same; its texts are written anew."""

import accounts.text
from accounts.text import plain
from django.db import migrations

AT_ONCE = 2000


def write_plainly(apps, schema_editor):
    people = apps.get_model('accounts', 'User').objects
    changed = []
    for person in people.only('pk', 'search_text').iterator(chunk_size=AT_ONCE):
        if not person.search_text.isascii():
            person.found_by = '\n'.join(map(plain, person.search_text.split('\n')))
            changed.append(person)
    for person in changed:
        people.filter(pk=person.pk).update(search_text=person.found_by)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_helpdesk_and_auditor'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='user',
                    name='search_text',
                    field=accounts.text.PlainField(
                        'first_name', 'last_name', 'username', 'email', default='', editable=False
                    ),
                ),
            ]
        ),
        migrations.RunPython(write_plainly, migrations.RunPython.noop),
    ]
