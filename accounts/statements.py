"""SQL that is written once: Django takes several times as long to write a login's statements as to have them answered.

What a statement asks for is still a queryset; only the text and what to make
of the answer are kept, for as long as the process lives. Values are always
parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import AutoField, Model, Value
from django.db.models.query import get_related_populators

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import Field, QuerySet

_PLACE = object()
GIVEN = Value(_PLACE)  # stands in a kept queryset's filter for the value that comes later


@dataclass(frozen=True)
class _Written:
    """A queryset's SQL, and how Django makes objects of its rows."""

    field: Field[Any, Any]
    sql: str
    parameters: tuple[Any, ...]
    converters: tuple[tuple[int, Any, Any], ...]
    make: Callable[..., Any]
    names: list[str]
    related: list[Any]
    annotations: tuple[tuple[str, int], ...]


class Lookup[Row: Model]:
    """The rows of a queryset with GIVEN in it, for one value after the other of its field `by`."""

    def __init__(self, asked: Callable[[], QuerySet[Row]], by: str) -> None:
        self._asked = asked
        self._by = by

    def __call__(self, value: object) -> list[Row]:
        """The rows for `value`."""
        written = self._written
        given = written.field.get_db_prep_value(value, connection)
        with connection.cursor() as cursor:
            cursor.execute(written.sql, [given if kept is _PLACE else kept for kept in written.parameters])
            return [_row(written, list(values)) for values in cursor.fetchall()]

    @cached_property
    def _written(self) -> _Written:
        queryset = self._asked()
        compiler: Any = queryset.query.get_compiler(connection=connection)
        sql, parameters = compiler.as_sql()
        shape = compiler.klass_info
        own = compiler.select[shape["select_fields"][0] : shape["select_fields"][-1] + 1]
        kept = compiler.get_converters([expression for expression, *_ in compiler.select])
        related = get_related_populators(shape, compiler.select, queryset.db, queryset._fetch_mode)  # type: ignore[attr-defined]
        return _Written(
            queryset.model._meta.get_field(self._by),
            sql,
            tuple(parameters),
            tuple((place, convert, expression) for place, (all_, expression) in kept.items() for convert in all_),
            shape["model"].from_db,
            [expression.target.attname for expression, *_ in own],
            related,
            tuple(compiler.annotation_col_map.items()),
        )


def _row(written: _Written, values: list[Any]) -> Any:
    for place, convert, expression in written.converters:
        values[place] = convert(values[place], expression, connection)
    row = written.make(connection.alias, written.names, values[: len(written.names)])
    for populator in written.related:
        populator.populate(values, row)
    for name, place in written.annotations:
        setattr(row, name, values[place])
    return row


def insert(row: Model) -> None:
    """Add `row`, whose class takes part in no inheritance and no signal, to its table."""
    sql, fields = _insertion(type(row))
    with connection.cursor() as cursor:
        cursor.execute(sql, _values(row, fields))
        (row.pk,) = cursor.fetchone()  # type: ignore[misc]
    row._state.adding, row._state.db = False, connection.alias


@cache
def _insertion(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    options, quote = model._meta, connection.ops.quote_name
    fields = tuple(field for field in options.concrete_fields if not isinstance(field, AutoField))
    columns = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return (
        f"INSERT INTO {quote(options.db_table)} ({columns}) VALUES ({places}) RETURNING {quote(options.pk.column)}",
        fields,
    )


def overwrite(row: Model, kept_as: object) -> bool:
    """Write all of `row` over the row whose primary key is `kept_as`, the key too; False where there is none."""
    sql, fields = _overwriting(type(row))
    with connection.cursor() as cursor:
        cursor.execute(sql, [*_values(row, fields), row._meta.pk.get_db_prep_value(kept_as, connection)])
        return cursor.rowcount > 0


@cache
def _overwriting(model: type[Model]) -> tuple[str, tuple[Any, ...]]:
    options, quote = model._meta, connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in options.concrete_fields)
    return (
        f"UPDATE {quote(options.db_table)} SET {columns} WHERE {quote(options.pk.column)} = %s",
        tuple(options.concrete_fields),
    )


def _values(row: Model, fields: tuple[Any, ...]) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, True), connection) for field in fields]  # noqa: FBT003
