"""How a search finds part of a word among a million people: by the three letters in a row that an index holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Lookup

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class Among(NamedTuple):
    """A part of a word, to be looked for among the rows whose ids lie beyond `after`, up to `until` if that is said."""

    part: str
    after: int = 0
    until: int | None = None


class Holds(Lookup):
    """`text__holds="garc"`: is this part of the text? Three letters at least; both are folded alike before."""

    lookup_name = "holds"
    rhs: Any

    def get_prep_lookup(self) -> Among:
        return self.rhs if isinstance(self.rhs, Among) else Among(self.rhs)

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        lhs, params = self.process_lhs(compiler, connection)
        escaped = self.rhs.part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{lhs} LIKE %s", [*params, f"%{escaped}%"]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_more: Any) -> tuple[str, list[Any]]:
        part, after, until = self.rhs
        quoted = part.replace('"', '""')
        found = "SELECT rowid FROM companies_listing_search WHERE companies_listing_search MATCH %s AND rowid > %s"
        params: list[Any] = [f'"{quoted}"', after]
        if until is not None:
            found, params = f"{found} AND rowid <= %s", [*params, until]
        return f'"companies_listing"."id" IN ({found})', params
