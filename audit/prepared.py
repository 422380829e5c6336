"""Statements that Django writes once, for the joins and the changes of every request and every login.

A queryset puts its statement together, and chooses what converts each column, whenever it is asked: for such a join or
change, up to ten times the work of having it done, and a tenth of a whole login. Here Django does so once, with marks
where the values will be. What is asked, and of which tables, stays a queryset; nothing of it is SQL of ours. Rows that
are added are the same: a model's save is four times the work of its INSERT.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from ipaddress import IPv6Address
from itertools import count
from operator import attrgetter
from secrets import randbits, token_bytes
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid4

from django.db import connection, models

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    Converters = list[tuple[int, Callable[[Any], Any]]]

ID, TIME = models.UUIDField(), models.DateTimeField()
MARKS: dict[type, Callable[[], Any]] = {
    str: lambda: str(IPv6Address(randbits(128))),  # text of any kind, also for a column that takes addresses alone
    UUID: uuid4,
    bytes: partial(token_bytes, 32),
    int: partial(randbits, 31),
    float: map(float, count(10**15)).__next__,
    datetime: lambda: datetime.fromtimestamp(randbits(31) + 0.5, UTC),
}


class Prepared[Row: models.Model]:
    """The rows of a queryset whose values alone differ from one time to the next.

    `rows` makes the queryset of those values, of which None, which is written otherwise, is none. What it joins by
    `related` ("user__company") hangs on each row, as with `select_related`; `more` names what it annotates.
    """

    def __init__(self, rows: Callable[..., models.QuerySet[Row]], *related: str, more: Iterable[str] = ()) -> None:
        self.rows, self.related, self.more = rows, related, tuple(more)
        self.written: Written | None = None

    def ask(self, *values: object) -> list[Row]:
        """What the queryset of `values` finds."""
        written = self.written = self.written or self._write([MARKS[type(value)]() for value in values])
        with connection.cursor() as cursor:
            cursor.execute(written.statement, written.filled([_stored(value) for value in values]))
            rows = cursor.fetchall()
        return [self._made_of(row, written) for row in rows]

    def _write(self, marks: list[object]) -> Written:
        """Have Django write the statement, and find the places of its values by `marks`."""
        rows = self.rows(*marks)
        parts: list[Part] = []
        names: list[str] = []
        for path in ("", *self.related):
            part = _part_of(rows.model, path, len(names))
            parts.append(part)
            names += [f"{path}__{name}" if path else name for name in part.names]
        statement, parameters = _noted(lambda: list(rows.values_list(*names, *self.more)))
        return Written(statement, _placed(statement, parameters, marks), parts)

    def _made_of(self, values: tuple[Any, ...], written: Written) -> Row:
        first, *others = written.parts
        row: Row = first.made_of(values)
        for part in others:
            one = part.made_of(values)
            holder = part.holder(row) if part.holder else row
            if holder is not None:
                setattr(holder, part.attribute, one)
        for name, value in zip(self.more, values[len(values) - len(self.more) :], strict=True):
            setattr(row, name, _in_utc(value) if isinstance(value, datetime) else value)
        return row


class PreparedChange:
    """An update of which the values alone differ from one time to the next: `change` makes it of them.

    None, True and False are written into the statement: there is one for each of their combinations.
    """

    def __init__(self, change: Callable[..., int]) -> None:
        self.change = change
        self.written: dict[tuple[object, ...], Written] = {}

    def make(self, *values: object) -> int:
        """Change what is to be changed; how many rows that is."""
        shape = tuple(value if value is None or isinstance(value, bool) else type(value) for value in values)
        written = self.written.get(shape) or self.written.setdefault(shape, self._write(shape))
        with connection.cursor() as cursor:
            cursor.execute(written.statement, written.filled([_stored(value) for value in values]))
            return int(cursor.rowcount)

    def _write(self, shape: tuple[object, ...]) -> Written:
        """Have Django write the statement."""
        marks = [MARKS[kind]() if isinstance(kind, type) else kind for kind in shape]
        statement, parameters = _noted(lambda: self.change(*marks))
        return Written(statement, _placed(statement, parameters, marks), [])


class PreparedRow[Row: models.Model]:
    """A row that is added: Django adds the first, and what it sent then is sent with the values of each later one.

    Nothing but the columns goes along: of a model that is added here, nobody listens to `pre_save` or `post_save`.
    """

    def __init__(self, model: type[Row]) -> None:
        self.fields = [field for field in model._meta.concrete_fields if not isinstance(field, models.AutoField)]
        self.numbered = len(self.fields) < len(model._meta.concrete_fields)  # by the database
        self.statement = ""

    def add(self, row: Row) -> None:
        """Add `row`, which has its number then if the database gives it one."""
        if not self.statement:
            self.statement = self._first(row)
            return
        values = [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in self.fields]
        with connection.cursor() as cursor:
            cursor.execute(self.statement, values)
            if self.numbered:
                [row.pk] = cursor.fetchone()
        row._state.adding, row._state.db = False, connection.alias

    def _first(self, row: Row) -> str:
        noted: list[str] = []

        def note(execute: Any, statement: str, parameters: Any, *more: Any) -> Any:
            noted.append(statement)
            return execute(statement, parameters, *more)

        with connection.execute_wrapper(note):
            row.save(force_insert=True)
        return noted[-1]


class Part(NamedTuple):
    """One of the objects that a row holds: where its columns stand, and how some become the values of its fields."""

    model: type[models.Model]
    holder: Callable[[Any], Any] | None
    attribute: str
    place: slice
    names: list[str]
    key: int
    converters: Converters

    def made_of(self, row: tuple[Any, ...]) -> Any:
        """The object, as a queryset would make it; None where the row has none."""
        values = list(row[self.place])
        if values[self.key] is None:
            return None
        for at, converter in self.converters:
            if values[at] is not None:
                values[at] = converter(values[at])
        return self.model.from_db(connection.alias, self.names, values)


class Written(NamedTuple):
    """A statement, its parameters with the number of the value that belongs there (-1 for none), and its rows' parts."""

    statement: str
    parameters: list[tuple[int, Any]]
    parts: list[Part]

    def filled(self, values: list[Any]) -> list[Any]:
        """The parameters, with `values` in their places."""
        return [parameter if place < 0 else values[place] for place, parameter in self.parameters]


class _NotSentError(Exception):
    """There are no rows to read: the statement was noted only."""


def _noted(act: Callable[[], object]) -> tuple[str, Sequence[Any]]:
    """The statement that `act` sends, and its parameters; it is noted in its place, and not sent."""
    noted: list[tuple[str, Sequence[Any]]] = []

    def note(execute: object, statement: str, parameters: Sequence[Any], *_: object) -> None:
        noted.append((statement, parameters))
        if statement.startswith("SELECT"):
            raise _NotSentError

    with connection.execute_wrapper(note), suppress(_NotSentError):
        act()
    if connection.queries_logged:
        connection.queries_log.pop()  # where tests count what was sent
    [(statement, parameters)] = noted
    return statement, parameters


def _part_of(model: type[models.Model], path: str, start: int) -> Part:
    holder, _, attribute = path.rpartition("__")
    for name in filter(None, path.split("__")):
        to: Any = model._meta.get_field(name)
        model = to.related_model
    fields = model._meta.concrete_fields
    found = [(at, _converter(field)) for at, field in enumerate(fields)]
    return Part(
        model=model,
        holder=attrgetter(holder.replace("__", ".")) if holder else None,
        attribute=attribute,
        place=slice(start, start + len(fields)),
        names=[field.attname for field in fields],
        key=fields.index(model._meta.pk),
        converters=[(at, converter) for at, converter in found if converter],
    )


def _placed(statement: str, parameters: Sequence[Any], marks: list[object]) -> list[tuple[int, Any]]:
    """`parameters`, each with the number of the mark that it is, -1 where it is the same each time."""
    sought = {_stored(mark): number for number, mark in enumerate(marks) if type(mark) in MARKS}
    places = [_place_of(parameter, sought) for parameter in parameters]
    if set(sought.values()) - set(places):
        raise ValueError(f"Not every value has its place in: {statement}")
    return list(zip(places, parameters, strict=True))


def _place_of(parameter: Any, sought: dict[Any, int]) -> int:
    parameter = getattr(parameter, "obj", parameter)  # of psycopg's Binary
    if isinstance(parameter, IPv6Address):  # which PostgreSQL reads as text too
        parameter = str(parameter)
    return sought.get(parameter, -1)


def _stored(value: object) -> Any:
    """`value` as the database takes it: SQLite has no type for an id, and none for a time."""
    if isinstance(value, UUID):
        return ID.get_db_prep_value(value, connection)
    return TIME.get_db_prep_value(value, connection) if isinstance(value, datetime) else value


def _converter(field: Any) -> Callable[[Any], Any] | None:
    """What makes a column's value the field's, where they differ: on SQLite an id is text, and a time has no zone."""
    stored_like = getattr(field, "target_field", field)
    if isinstance(stored_like, models.UUIDField):
        return stored_like.to_python
    if hasattr(stored_like, "from_db_value"):
        return partial(_by_field, stored_like)
    return _in_utc if isinstance(stored_like, models.DateTimeField) else None


def _by_field(field: Any, value: Any) -> Any:
    return field.from_db_value(value, None, connection)


def _in_utc(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=UTC)
