"""While an upgrade goes on, the release before serves on the tables of this one: no migration takes from it what it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.apps import apps
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

from tests.rooms import ROOMS

if TYPE_CHECKING:
    from django.db.migrations.operations.base import Operation
    from django.db.migrations.state import ProjectState

# Tables that stay small however many people there are, and why. Every other is large: an index takes so long there that
# nobody could write meanwhile.
SMALL = {
    "accounts.KeyInUse": "a row for each key",
    "accounts.SigningKey": "the same",
    "accounts.SiteRule": "one row",
    "companies.BulkRun": "a row for each act on many",
    "companies.Company": "thousands, not millions",
    "companies.Import": "a row for each file",
    "companies.Total": "a row for each kind of people",
}


def large() -> set[tuple[str, str]]:
    """Every table of ours that is not small."""
    ours = [model for app in ROOMS if app in apps.app_configs for model in apps.get_app_config(app).get_models()]
    return {(model._meta.app_label, model._meta.model_name or "") for model in ours if model._meta.label not in SMALL}


RULE, INDEX = "a rule for rows that are there", "an index that shuts a large table"
TAKEN_AWAY = (
    migrations.RemoveField,
    migrations.RenameField,
    migrations.DeleteModel,
    migrations.RenameModel,
    migrations.AlterModelTable,
    migrations.AlterUniqueTogether,
)
# What a person has looked at. Those of the first release of these tables run before anything of it serves.
LOOKED_AT = {
    (
        "accounts",
        "0002_helpdesk_and_auditor",
        "a rule for rows that are there",
    ): "it allows what it did, and two roles more",
    (
        "mfa",
        "0003_removed_factors",
        "a rule for rows that are there",
    ): "over columns that the version before leaves empty",
    (
        "accounts",
        "0007_mail_by_its_index",
        "an index that shuts a large table",
    ): "mail of three days, and no release before it owed any",
    ("audit", "0002_indexes", "an index that shuts a large table"): "of the first release, whose tables are small",
    ("audit", "0003_lines_of_runs", "an index that shuts a large table"): "the same",
    ("audit", "0004_events_by_nobody", "an index that shuts a large table"): "the same",
    ("audit", "0005_sums", "an index that shuts a large table"): "the same",
}


def flat(operations: list[Operation]) -> list[Operation]:
    """What is done to the database, one by one."""
    found: list[Operation] = []
    for operation in operations:
        if isinstance(operation, migrations.SeparateDatabaseAndState):
            found += flat(operation.database_operations)
        else:
            found.append(operation)
    return found


def broken_rules(app: str, operation: Operation, before: ProjectState, new: set[str]) -> set[str]:
    """The rules that `operation` breaks for what runs on the tables of `before`; of `new` models nobody there knows."""
    model = str(getattr(operation, "model_name", "")).lower()
    if isinstance(operation, TAKEN_AWAY):
        return {"something is taken away"}
    if isinstance(operation, migrations.RunPython | migrations.RunSQL):
        return set() if operation.reversible else {"there is no way back"}
    if model in new:
        return set()
    found = set()
    if isinstance(operation, migrations.AddField | migrations.AlterField):
        # No field where the column is added, or came a moment ago.
        found = broken_by_a_column(operation.field, before.models[app, model].fields.get(operation.name))
    if isinstance(operation, migrations.AddConstraint):
        found = {RULE}
    if isinstance(operation, migrations.AddIndex) and not isinstance(operation, AddIndexConcurrently):
        found = {INDEX}
    return found if (app, model) in large() else found - {INDEX}


def broken_by_a_column(field: models.Field[object, object], was: models.Field[object, object] | None) -> set[str]:
    """The rules that a column breaks which is added, or was another."""
    found = set()
    if was is None and must_be_filled(field):
        found.add("a column that must be filled")
    if was is not None and takes_less(was, field):
        found.add("a column that takes less")
    if was is not None and field.unique and not was.unique:
        found.add(RULE)
    if has_index(field) and not (was is not None and has_index(was) and was.unique == field.unique):
        found.add(INDEX)
    return found


def must_be_filled(field: models.Field[object, object]) -> bool:
    """Does an INSERT that does not know of it fail? Django's own default is not the database's."""
    return not field.null and not field.has_db_default() and not field.many_to_many


def has_index(field: models.Field[object, object]) -> bool:
    return field.unique or field.db_index


def takes_less(was: models.Field[object, object], will_be: models.Field[object, object]) -> bool:
    shorter = (will_be.max_length or 10**9) < (was.max_length or 10**9)
    return (was.null and not will_be.null) or shorter or (was.get_internal_type() != will_be.get_internal_type())


def all_broken() -> set[tuple[str, str, str]]:
    loader = MigrationLoader(None)
    found = set()
    for key in loader.graph.nodes:
        app, name = key
        if app not in ROOMS or loader.get_migration(app, name).initial:
            continue
        migration, state, new = loader.get_migration(app, name), loader.project_state(key, at_end=False), set()
        for operation in flat(migration.operations):
            if isinstance(operation, migrations.CreateModel):
                new.add(operation.name.lower())
            found |= {(app, name, rule) for rule in broken_rules(app, operation, state, new)}
    return found


def test_no_migration_takes_from_the_release_before_what_it_needs():
    assert all_broken() == LOOKED_AT.keys()


@pytest.mark.parametrize(
    ("operation", "rules"),
    [
        (migrations.RemoveField("user", "email"), {"something is taken away"}),
        (migrations.RenameField("user", "email", "mail"), {"something is taken away"}),
        (migrations.DeleteModel("Budget"), {"something is taken away"}),
        (migrations.RunPython(print), {"there is no way back"}),
        (migrations.RunPython(print, migrations.RunPython.noop), set()),
        (
            migrations.AddField("user", "nick", models.CharField(max_length=9, default="")),
            {"a column that must be filled"},
        ),
        (migrations.AddField("user", "nick", models.CharField(max_length=9, default="", db_default="")), set()),
        (migrations.AddField("user", "nick", models.CharField(max_length=9, null=True)), set()),
        (migrations.AddField("fresh", "nick", models.CharField(max_length=9)), set()),
        (migrations.AlterField("user", "username", models.CharField(max_length=9)), {"a column that takes less"}),
        (migrations.AlterField("user", "username", models.TextField()), {"a column that takes less"}),
        (migrations.AlterField("user", "last_sign_in_at", models.DateTimeField()), {"a column that takes less"}),
        (
            migrations.AddConstraint("user", models.UniqueConstraint(fields=["email"], name="one")),
            {"a rule for rows that are there"},
        ),
        (
            migrations.AddIndex("user", models.Index(fields=["email"], name="one")),
            {"an index that shuts a large table"},
        ),
        (
            migrations.AlterField("user", "first_name", models.CharField(max_length=300, unique=True)),
            {"a rule for rows that are there", "an index that shuts a large table"},
        ),
        (
            migrations.AlterField("user", "first_name", models.CharField(max_length=300, db_index=True)),
            {"an index that shuts a large table"},
        ),
        (
            migrations.AddField("user", "nick", models.CharField(max_length=9, null=True, unique=True)),
            {"an index that shuts a large table"},
        ),
        (
            migrations.AddField("user", "boss", models.ForeignKey("accounts.User", models.PROTECT, null=True)),
            {"an index that shuts a large table"},
        ),
        (
            migrations.AddField(
                "user", "boss", models.ForeignKey("accounts.User", models.PROTECT, null=True, db_index=False)
            ),
            set(),
        ),
        (
            migrations.AddField("siterule", "boss", models.ForeignKey("accounts.User", models.PROTECT, null=True)),
            set(),
        ),
        (AddIndexConcurrently("user", models.Index(fields=["email"], name="one")), set()),
        (
            migrations.AddIndex("owedmail", models.Index(fields=["id"], name="one")),
            {"an index that shuts a large table"},
        ),
        (migrations.AddIndex("siterule", models.Index(fields=["id"], name="one")), set()),
    ],
    ids=lambda value: getattr(value, "describe", lambda: "")() or None,
)
def test_the_rules_find_what_breaks_them(operation, rules):
    now = MigrationLoader(None).project_state()

    assert broken_rules("accounts", operation, now, {"fresh"}) == rules


def test_a_table_is_large_unless_it_is_said_why_not():
    assert {model._meta.label for model in apps.get_models()} >= SMALL.keys()
    assert large() >= {
        ("accounts", "session"), ("accounts", "user"), ("audit", "auditevent"), ("companies", "bulkperson"),
        ("companies", "listing"), ("mfa", "recoverycode"),
    }  # fmt: skip
    for model in apps.get_models():
        to_people = [field for field in model._meta.fields if field.name in {"user", "person", "subject"}]
        assert not (to_people and model._meta.label in SMALL), f"{model._meta.label} has a row for each person"
