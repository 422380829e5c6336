"""How a search finds part of a word among a million people: by the three letters in a row that an index holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Lookup

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class Holds(Lookup):
    """`text__holds="garc"`: is this part of the text? Three letters at least; both are folded alike before."""

    lookup_name = "holds"

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        lhs, params = self.process_lhs(compiler, connection)
        escaped = str(self.rhs).replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{lhs} LIKE %s", [*params, f"%{escaped}%"]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_more: Any) -> tuple[str, list[Any]]:
        quoted = str(self.rhs).replace('"', '""')
        found = "SELECT rowid FROM companies_listing_search WHERE companies_listing_search MATCH %s"
        return f'"companies_listing"."id" IN ({found})', [f'"{quoted}"']
