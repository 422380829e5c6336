"""A migration that changes a table which the listing's triggers name takes them away, and all is filled anew; no other does.

By Django's own operations and what each database makes of them.
"""

from __future__ import annotations

import pytest
from django.core.management import call_command
from django.db import connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader

from accounts.models import Role, User
from companies.listing import sql, upkeep
from companies.models import Listing
from mfa.models import AuthenticatorApp
from tests.companies.listing.test_upkeep import assert_true

pytestmark = pytest.mark.django_db(transaction=True)
ON_SQLITE = connection.vendor == "sqlite"
NULLABLE = models.CharField(max_length=9, null=True)
LONGER = models.CharField(max_length=99, choices=Role.choices, default=Role.MEMBER)


def role_to_all(apps, schema_editor):
    apps.get_model("accounts", "User").objects.filter(username="kim").update(role=Role.AUDITOR)


# An app, what is done to its tables, and whether the lists are in the way: of SQLite where it makes the table anew.
OPERATIONS = {
    "a column of the audit": ("audit", migrations.AddField("auditevent", "nick", NULLABLE), False),
    "a table that SQLite makes anew": (
        "companies",
        migrations.AlterField("company", "name", models.CharField(max_length=99)),
        False,
    ),
    "a table beside people's": (
        "accounts",
        migrations.CreateModel(
            "Nick", [("id", models.BigAutoField(primary_key=True)), ("of", models.ForeignKey("User", models.CASCADE))]
        ),
        False,
    ),
    "an index of people": ("accounts", migrations.AddIndex("user", models.Index(fields=["email"], name="x")), False),
    "a column of people that may be empty": ("accounts", migrations.AddField("user", "nick", NULLABLE), False),
    "rows of people": ("accounts", migrations.RunPython(role_to_all, migrations.RunPython.noop), False),
    "a column of people that is filled": (
        "accounts",
        migrations.AddField("user", "nick", models.CharField(max_length=9, default="", db_default="")),
        ON_SQLITE,
    ),
    "a column of people that Django fills": (
        "accounts",
        migrations.AddField("user", "nick", models.CharField(max_length=9, default="x")),
        ON_SQLITE,
    ),
    "a rule for people": (
        "accounts",
        migrations.AddConstraint(
            "user", models.CheckConstraint(condition=~models.Q(username__in=["a", "b"]), name="x")
        ),
        ON_SQLITE,
    ),
    "another kind of column of people": ("accounts", migrations.AlterField("user", "role", LONGER), True),
    "another column's kind": (
        "accounts",
        migrations.AlterField("user", "username", models.CharField(max_length=200, unique=True)),
        True,
    ),
    "another name of a column": ("mfa", migrations.RenameField("passkey", "suspended_at", "stopped_at"), True),
    "a column less": ("accounts", migrations.RemoveField("user", "erased_at"), True),
    "the listing": ("companies", migrations.AlterField("listing", "name", models.CharField(max_length=400)), True),
}


@pytest.fixture(params=OPERATIONS.values(), ids=OPERATIONS)
def operation(request):
    return request.param


def migrated(app, operation):
    """Do it as `migrate` does, as far as the signals reach, and give what undoes it."""
    before = MigrationLoader(None).project_state()
    after = before.clone()
    operation.state_forwards(app, after)

    def do(act, old, new):
        upkeep.before_migrations(plan=["something"])
        with connection.schema_editor(atomic=True) as editor:
            act(app, editor, old, new)

    do(operation.database_forwards, before, after)
    return lambda: do(operation.database_backwards, after, before)


def listed():
    return set(Listing.objects.values_list("pk", flat=True))


def change_people(company):
    """By each trigger on people, and one on what they hold; with statements that were prepared before or not."""
    new = User.objects.create(username="new", company=company)
    AuthenticatorApp.objects.create(user=new, key=b"x", confirmed=True)
    User.objects.filter(username="kim").update(two_factor_enabled=True)
    assert_true()
    AuthenticatorApp.objects.filter(user=new).delete()
    User.objects.filter(pk=new.pk).delete()
    assert_true()


def test_the_lists_are_filled_anew_where_they_were_in_the_way_and_kept_on_elsewhere(kim, company, operation):
    app, does, in_the_way = operation
    change_people(company)
    before = listed()

    undo = migrated(app, does)
    try:
        assert upkeep.in_place() is not in_the_way
        if not in_the_way:
            with connection.cursor() as cursor:  # no model of this version knows a new column
                cursor.execute("UPDATE accounts_user SET two_factor_enabled = %s, role = 'helpdesk'", [True])
            assert_true()
            upkeep.after_migrations()
        assert listed() == before
    finally:
        undo()
        upkeep.after_migrations()

    assert upkeep.in_place()
    if in_the_way:
        assert listed() != before
    change_people(company)


@pytest.mark.parametrize(
    ("app", "back_to", "in_the_way"), [("audit", "0003_lines_of_runs", False), ("accounts", "0008_signing_keys", True)]
)
def test_migrate_itself_fills_the_lists_anew_for_a_column_of_people_less_and_not_for_an_index_of_the_audit(
    kim, company, app, back_to, in_the_way
):
    before = listed()
    call_command("migrate", app, back_to, verbosity=0)
    taken_away = not upkeep.in_place()
    call_command("migrate", verbosity=0)

    assert taken_away is in_the_way
    assert (listed() != before) is in_the_way
    assert upkeep.make_way not in connection.execute_wrappers
    change_people(company)


def test_what_is_taken_away_comes_back_with_a_migration_that_failed(kim, company):
    upkeep.before_migrations(plan=["something"])
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {sql.USERS} RENAME COLUMN first_name TO x")
        assert not upkeep.in_place()
        transaction.set_rollback(True)

    assert upkeep.in_place()
    upkeep.before_migrations(plan=["something"])
    assert connection.execute_wrappers.count(upkeep.make_way) == 1
    upkeep.after_migrations()
    assert not connection.execute_wrappers
    change_people(company)


def test_where_there_is_nothing_to_migrate_nothing_is_watched(kim):
    upkeep.before_migrations(plan=[])

    assert not connection.execute_wrappers


@pytest.mark.parametrize(
    ("statement", "changes"),
    [
        ('DROP TABLE "accounts_user"', True),
        ("drop table if exists public.mfa_passkey cascade", True),
        ('ALTER TABLE "accounts_user" ALTER COLUMN "role" TYPE text', True),
        ('ALTER TABLE "accounts_user"\n  RENAME TO "people"', True),
        ("DROP TABLE companies_listing_search", True),
        ('ALTER TABLE "accounts_user" ADD CONSTRAINT "x" CHECK ("role" IN (1, 2))', False),
        ('ALTER TABLE "accounts_user" ALTER COLUMN "nick" DROP DEFAULT', False),
        (
            'ALTER TABLE "accounts_session" ADD CONSTRAINT "x" FOREIGN KEY ("u") REFERENCES "accounts_user" ("id")',
            False,
        ),
        ('ALTER TABLE "new__accounts_user_groups" RENAME TO "accounts_user_groups"', False),
        ('CREATE TABLE "x" ("u" integer REFERENCES "accounts_user" ("id"))', False),
        ("UPDATE accounts_user SET role = 'ALTER TABLE accounts_user RENAME'", False),
    ],
)
def test_which_statements_change_a_table_that_the_listing_stands_on(statement, changes):
    done = []
    upkeep.make_way(lambda *_said: done.append(upkeep.in_place()), statement, None, False, {"connection": connection})
    if changes:
        upkeep.put_in_place()

    assert done == [not changes]
