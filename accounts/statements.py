"""SQL that is written once: Django takes several times as long to write a login's statements as to have them answered.

What a statement asks for is still a queryset; its text, and what to make of
the answer, are kept for as long as the process lives. Values are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection
from django.db.models import Model, Value
from django.db.models.query import get_related_populators
from django.db.models.sql import UpdateQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from django.db.models import QuerySet


@dataclass(frozen=True)
class _Place:
    name: str


def given(name: str) -> Value:
    """Stands in a kept queryset for the value `name` that comes later."""
    return Value(_Place(name))


@dataclass(frozen=True)
class _Shape:
    """What to make of a row: conversions (place, function, expression), the object, what it leads to, what is added."""

    conversions: tuple[tuple[int, Any, Any], ...]
    model: type[Model]
    names: list[str]
    related: list[Any]
    added: tuple[tuple[str, int], ...]

    def made(self, row: Iterable[Any]) -> Any:
        values = list(row)
        for place, convert, expression in self.conversions:
            values[place] = convert(values[place], expression, connection)
        made = self.model.from_db(connection.alias, self.names, values[: len(self.names)])
        for populator in self.related:
            populator.populate(values, made)
        for name, place in self.added:
            setattr(made, name, values[place])
        return made


class Lookup[Row: Model]:
    """The rows of a queryset with `given` values in it."""

    def __init__(self, asked: Callable[[], QuerySet[Row]]) -> None:
        self.asked = asked

    def __call__(self, **values: object) -> list[Row]:
        """The rows for `values`."""
        sql, parameters, shape = self._written
        with connection.cursor() as cursor:
            cursor.execute(sql, _filled(parameters, values))
            return [shape.made(row) for row in cursor.fetchall()]

    @cached_property
    def _written(self) -> tuple[str, tuple[Any, ...], _Shape]:
        queryset: Any = self.asked()
        compiler = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        columns = [expression for expression, *_ in compiler.select]
        own = compiler.klass_info["select_fields"]
        shape = _Shape(
            tuple(
                (place, convert, expression)
                for place, (all_, expression) in compiler.get_converters(columns).items()
                for convert in all_
            ),
            queryset.model,
            [column.target.attname for column in columns[: len(own)]],
            get_related_populators(compiler.klass_info, compiler.select, queryset.db, queryset._fetch_mode),
            tuple(compiler.annotation_col_map.items()),
        )
        return sql, tuple(parameters), shape


class Change:
    """An update of a queryset's rows, with `given` values in it."""

    def __init__(self, asked: Callable[[], QuerySet[Any]], **columns: object) -> None:
        self.asked, self.columns = asked, columns

    def __call__(self, **values: object) -> int:
        """Make it with `values`: how many rows."""
        sql, parameters = self._written
        with connection.cursor() as cursor:
            cursor.execute(sql, _filled(parameters, values))
            return int(cursor.rowcount)

    @cached_property
    def _written(self) -> tuple[str, tuple[Any, ...]]:
        query: Any = self.asked().query.chain(klass=UpdateQuery)
        query.add_update_values(self.columns)
        sql, parameters = query.get_compiler(connection=connection).as_sql()
        return sql, tuple(parameters)


def insert(row: Model) -> None:
    """Add `row` to its table, which gives it a key if it has none. For models without parents and signals."""
    sql, fields = _insertion(type(row), keyed=row.pk is not None)
    with connection.cursor() as cursor:
        cursor.execute(sql, _values(row, fields))
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, connection.alias


def overwrite(row: Model, *, key: object) -> bool:
    """Write `row` over the one whose primary key is `key` now; False where there is none."""
    sql, fields = _overwriting(type(row))
    with connection.cursor() as cursor:
        cursor.execute(sql, [*_values(row, fields), _adapted(key)])
        return bool(cursor.rowcount)


@cache
def _insertion(model: type[Model], *, keyed: bool) -> tuple[str, tuple[Any, ...]]:
    options: Any = model._meta
    quote = connection.ops.quote_name
    fields = tuple(field for field in options.concrete_fields if keyed or field is not options.pk)
    columns, places = ", ".join(quote(field.column) for field in fields), ", ".join(["%s"] * len(fields))
    key = quote(options.pk.column)
    return f"INSERT INTO {quote(options.db_table)} ({columns}) VALUES ({places}) RETURNING {key}", fields  # noqa: S608  # names of ours


@cache
def _overwriting(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    options: Any = model._meta
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in options.concrete_fields)
    sql = f"UPDATE {quote(options.db_table)} SET {columns} WHERE {quote(options.pk.column)} = %s"  # noqa: S608  # the same
    return sql, tuple(options.concrete_fields)


def _values(row: Model, fields: Iterable[Any]) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]


def _filled(parameters: Iterable[Any], values: dict[str, object]) -> list[Any]:
    return [_adapted(values[kept.name]) if isinstance(kept, _Place) else kept for kept in parameters]


def _adapted(value: object) -> Any:
    """`value` as the database takes it."""
    match value:
        case UUID():
            return value if connection.features.has_native_uuid_field else value.hex
        case datetime():
            return connection.ops.adapt_datetimefield_value(value)
        case bytes():
            return connection.Database.Binary(value)  # type: ignore[attr-defined]  # the driver
    return value
