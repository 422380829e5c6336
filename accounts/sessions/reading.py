"""A session, whose it is, and their company, read together by its key.

Every request asks this, and most ask nothing else. A queryset would join the same three tables, but it writes the
statement and chooses converters for its 44 columns each time, which was three fifths of what a signed-in page cost.
Here that is done once.
"""

from __future__ import annotations

from datetime import UTC
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.apps import apps
from django.db import connection, models

from accounts.models import User
from accounts.sessions.models import Session

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

JOINED = """
SELECT {columns} FROM accounts_session
LEFT JOIN accounts_user ON accounts_user.id = accounts_session.user_id
LEFT JOIN companies_company ON companies_company.id = accounts_user.company_id
WHERE accounts_session.session_key = %s
"""


def session_of(stored_key: str) -> Session | None:
    """The session that the database knows by `stored_key`, with its user and their company; None if there is none."""
    statement, (of_session, of_user, of_company) = _prepared()
    with connection.cursor() as cursor:
        cursor.execute(statement, [stored_key])
        row = cursor.fetchone()
    if row is None:
        return None
    session: Session = of_session.made_of(row)
    if session.user_id is not None:
        session.user = of_user.made_of(row)
        if session.user.company_id is not None:
            session.user.company = of_company.made_of(row)
    return session


class Part(NamedTuple):
    """Where in a row the columns of one model stand, and how some become the values of their fields."""

    model: type[models.Model]
    place: slice
    names: list[str]
    converters: list[tuple[int, Callable[[Any], Any]]]

    def made_of(self, row: tuple[Any, ...]) -> Any:
        """The object that `row` holds, as a queryset would make it."""
        values = list(row[self.place])
        for at, converter in self.converters:
            if values[at] is not None:
                values[at] = converter(values[at])
        return self.model.from_db(connection.alias, self.names, values)


@cache
def _prepared() -> tuple[str, list[Part]]:
    """The statement, and the parts of its rows."""
    columns: list[str] = []
    parts = []
    for model in (Session, User, apps.get_model("companies.Company")):
        fields, start = model._meta.concrete_fields, len(columns)
        columns += [f"{model._meta.db_table}.{field.column}" for field in fields]
        found = [(at, _converter(field)) for at, field in enumerate(fields)]
        converters = [(at, converter) for at, converter in found if converter]
        parts.append(Part(model, slice(start, len(columns)), [field.attname for field in fields], converters))
    return JOINED.format(columns=", ".join(columns)), parts


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """What makes a column's value the field's, where they differ: on SQLite an id is text, and a time has no zone."""
    stored_like = getattr(field, "target_field", field)
    if isinstance(stored_like, models.UUIDField):
        return stored_like.to_python
    return _in_utc if isinstance(stored_like, models.DateTimeField) else None


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
