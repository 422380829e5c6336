"""E-mail addresses in their one form: as people read them, folded with the domain as A-labels.

Two people of one address in two spellings stay as they are, and so does what
is no address: they are reported, for an administrator to enter another.
"""

import sys

import accounts.text
from django.core.exceptions import ValidationError
from django.db import migrations

from accounts.text import clean_address, fold, fold_address


def rewrite(apps, schema_editor):
    people = apps.get_model("accounts", "User").objects.using(schema_editor.connection.alias)
    unusual = people.exclude(email="").only("username", "first_name", "last_name", "email", "email_folded")
    for person in unusual.order_by("created_at", "pk").iterator():
        domain = person.email.rpartition("@")[2]
        if domain.isascii() and "xn--" not in domain.lower():
            continue
        try:
            email = clean_address(person.email)
        except ValidationError as trouble:
            report(f"The e-mail address of {person.username!a} stays as it is: {ascii(trouble.messages[0])}")
            continue
        folded = fold_address(email)
        other = people.filter(email_folded=folded).exclude(pk=person.pk).first()
        if other:
            report(
                f"{person.username!a} and {other.username!a} have one e-mail address in two spellings. "
                f"{other.username!a} keeps it; enter another for {person.username!a}."
            )
            continue
        lines = (fold(text) for text in (person.first_name, person.last_name, person.username, email))
        people.filter(pk=person.pk).update(email=email, email_folded=folded, search_text="\n".join(filter(None, lines)))


def report(sentence):
    print(sentence, file=sys.stderr)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_locked_accounts")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField("user", "email_folded", accounts.text.FoldedAddressField("email")),
            ]
        ),
        migrations.RunPython(rewrite, migrations.RunPython.noop),
    ]
