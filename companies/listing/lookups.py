"""How a search finds part of a word among a million people: by the three letters in a row that an index holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Lookup

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper


class Among(NamedTuple):
    """Parts of words, each to be found in the rows whose ids lie beyond `after`; in the first `most` of them if that is said.

    Of several, SQLite's index finds those that hold all as soon as those that hold one. It finds all before a statement
    takes the first, but for `most`; PostgreSQL ends of itself where it has enough.
    """

    parts: tuple[str, ...]
    after: int = 0
    most: int | None = None


class Holds(Lookup):
    """`text__holds="garc"`: is this part of the text? Three letters at least; both are folded alike before."""

    lookup_name = "holds"
    rhs: Any

    def get_prep_lookup(self) -> Among:
        return self.rhs if isinstance(self.rhs, Among) else Among((self.rhs,))

    def as_postgresql(self, compiler: Any, connection: BaseDatabaseWrapper) -> tuple[str, list[Any]]:
        lhs, params = self.process_lhs(compiler, connection)
        found = " AND ".join(f"{lhs} LIKE %s" for _part in self.rhs.parts)
        return f"({found})", [each for part in self.rhs.parts for each in (*params, f"%{_literally(part)}%")]

    def as_sqlite(self, compiler: Any, connection: BaseDatabaseWrapper, **_more: Any) -> tuple[str, list[Any]]:
        parts, after, most = self.rhs
        quoted = [part.replace('"', '""') for part in parts]
        all_of_them = " AND ".join(f'"{part}"' for part in quoted)
        found = "SELECT rowid FROM companies_listing_search WHERE companies_listing_search MATCH %s AND rowid > %s"
        params: list[Any] = [all_of_them, after]
        if most is not None:
            found, params = f"{found} ORDER BY rowid LIMIT %s", [*params, most]
        return f'"companies_listing"."id" IN ({found})', params


def _literally(part: str) -> str:
    return part.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
