"""Very many people for benchmarks: some are made as everywhere, and copied in SQL, which takes a tenth of the time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection, transaction

if TYPE_CHECKING:
    from django.db.models import Model

# By database: a new key, its bytes, a number from 0 up to 1, and a number with seven digits.
WORDS = {
    "sqlite": ("lower(hex(randomblob(16)))", "CAST({} AS blob)", "(abs(random() % 1000000) / 1000000.0)", "printf('%07d', {})"),
    "postgresql": ("gen_random_uuid()", "uuid_send({})", "random()", "lpad(({})::text, 7, '0')"),
}  # fmt: skip


def copy_people(people: int, companies: int, in_the_first: float) -> None:
    """As many more as make `people`, called userNNNNNNN like the others, with what these hold, in companies drawn anew."""
    from accounts.models import User
    from companies.models import Company
    from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode

    fresh, as_bytes, chance, seven = WORDS[connection.vendor]
    made, own, company = User.objects.count(), User._meta.db_table, Company._meta.db_table
    number = f"n * {made} + CAST(substr(u.username, 5) AS integer)"
    named = {
        name: f"replace(t.{name}, c.was, c.named)"
        for name in ("username", "username_folded", "email", "email_folded", "search_text")
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE places AS SELECT id, row_number() OVER (ORDER BY name_folded) - 1 AS place FROM {company}"
        )
        cursor.execute(
            f"CREATE TEMPORARY TABLE copies AS WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers"
            f" WHERE n < {people // made}) SELECT u.id AS base, {fresh} AS id, u.username AS was,"
            f" 'user' || {seven.format(number)} AS named, CASE WHEN {chance} < {in_the_first} THEN 0"
            f" ELSE CAST({chance} * {companies} AS integer) % {companies} END AS place"
            f" FROM {own} u CROSS JOIN numbers WHERE {number} < {people}"
        )
        if connection.vendor == "postgresql":
            cursor.execute("ANALYZE copies")
        _copy(User, {"id": "c.id", "company_id": "p.id", **named}, "t.id = c.base JOIN places p ON p.place = c.place")
        for held in (AuthenticatorApp, RecoveryCode, PasskeyRequest):
            _copy(held, {"user_id": "c.id"}, "t.user_id = c.base")
        _copy(Passkey, {"id": fresh, "user_id": "c.id", "credential_id": as_bytes.format("c.id")}, "t.user_id = c.base")
        cursor.execute("DROP TABLE copies")
        cursor.execute("DROP TABLE places")


def _copy(model: type[Model], anew: dict[str, str], of: str) -> None:
    """Rows of `model` for every copy: the columns as they are, but for those that are said `anew`."""
    columns = [field.column for field in model._meta.concrete_fields if not field.db_returning or field.column in anew]
    values = ", ".join(anew.get(column, f"t.{column}") for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {model._meta.db_table} ({', '.join(columns)}) SELECT {values}"
            f" FROM {model._meta.db_table} t JOIN copies c ON {of}"
        )
