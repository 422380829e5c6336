"""Proof that the audit is as it was written: no line changed, removed or slipped in (ASVS 16.4.2).

What cannot be seen from inside the database: that its youngest lines were
deleted before a seal was made over them, or together with the youngest seals.
Each seal is told to the log, which leads elsewhere; given one of those, we
find an audit that was cut off before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import BinaryField, Count, F, Func, Max, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.crypto import constant_time_compare

from audit.models import AuditEvent, AuditSeal, digest_of
from audit.sealing.macs import UnknownKey

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from django.db.models import Expression, Field

    from audit.sealing.written_once import WrittenOnce

CHUNK = 1000


@dataclass(frozen=True, order=True)
class Trouble:
    """A line that is not as it was written, or whose seal is not; `text` says when it was and what is wrong."""

    line: int
    text: str


class Tampered(Exception):
    """Something is not as it was written. Says what, the first of several."""


@dataclass(frozen=True)
class Checked:
    """How much was proved to be as it was written."""

    lines: int
    seals: int
    unsealed: int


def verifies(key: str) -> bool:
    """Was a line or a seal made with the encryption key of this id, and is it needed to prove them?"""
    made: Any = {"mac__startswith": f"{key}:"}
    return AuditEvent.objects.filter(**made).exists() or AuditSeal.objects.filter(**made).exists()


def verify(expected: str = "") -> Checked:
    """Check every line and every seal; `expected` is a seal that the log knows, "number:digest". Raises Tampered."""
    lines, first = 0, []
    for number, line in _rows(AuditEvent.objects.get_queryset()):
        lines += 1
        if wrong := _wrong_with(line):
            first.append(Trouble(number, f"Line {number}{_when(line)} {wrong}."))
            break
    first += [trouble for trouble in (_first_copy(), _first_bad_seal()) if trouble]
    if first:
        raise Tampered(min(first).text)
    seals, sealed, digests = 0, 0, {""}
    for seal in AuditSeal.objects.order_by("number"):
        seals, sealed = seals + 1, sealed + seal.count
        digests.add(f"{seal.number}:{seal.digest}")
    if expected not in digests:
        raise Tampered(f"Seal {expected}, which the log knows, is not there: the audit was cut off or written anew.")
    return Checked(lines, seals, max(0, lines - sealed))


def _rows[T: WrittenOnce](table: QuerySet[T]) -> Iterator[tuple[int, T | None]]:
    """Every row there is, in order of its id; None for one that cannot be read, or is not stored as we store it."""
    rest = table.order_by("pk")
    while ids := list(rest.values_list("pk", flat=True)[:CHUNK]):
        found = table.filter(pk__gte=ids[0], pk__lte=ids[-1])
        try:
            rows: dict[int, T] = {row.pk: row for row in found}
        except Exception:  # a column holds what it never would: read one by one
            rows = {row.pk: row for id_ in ids if (row := _readable(table, id_))}
        respelt = _respelt(rows, ids)
        yield from ((id_, None if id_ in respelt else rows.get(id_)) for id_ in ids)
        rest = table.filter(pk__gt=ids[-1]).order_by("pk")


def _respelt(rows: Mapping[int, WrittenOnce], ids: Sequence[int]) -> set[int]:
    """The ids of rows that SQLite stores otherwise than we write them, though they read the same.

    Its columns keep whatever they are handed. A person's id in capitals, a "T"
    in a time or a key twice in JSON would hide a line from who looks for it.
    PostgreSQL's types have one form each.
    """
    if connection.vendor != "sqlite" or not rows:
        return set()
    model = type(next(iter(rows.values())))
    fields = model._meta.concrete_fields
    parts: list[Expression] = []
    for field in fields:
        parts += [
            Func(F(field.attname), function="typeof", output_field=TextField()),
            Cast(field.attname, BinaryField()),
        ]
    there = model.objects.filter(pk__range=(ids[0], ids[-1])).values_list("pk", *parts)
    stored = {id_: tuple(values) for id_, *values in there}
    return {id_ for id_, row in rows.items() if stored.get(id_) != _as_written(row, fields)}


def _as_written(row: WrittenOnce, fields: Sequence[Field[Any, Any]]) -> tuple[object, ...]:
    """What SQLite holds of a row that the product wrote: of each column its type and its bytes."""
    parts: list[object] = []
    for field in fields:
        value = field.get_db_prep_save(getattr(row, field.attname), connection)
        kind = "null" if value is None else "integer" if isinstance(value, int) else "text"
        parts += [kind, None if value is None else str(value).encode()]
    return tuple(parts)


def _readable[T: WrittenOnce](table: QuerySet[T], id_: int) -> T | None:
    try:
        return table.get(pk=id_)
    except Exception:  # of which kind depends on the database
        return None


def _when(line: AuditEvent | None) -> str:
    try:
        return f" of {line.at:%Y-%m-%d %H:%M:%S} UTC" if line else ""
    except TypeError:  # SQLite takes any text for a time
        return ""


def _wrong_with(row: WrittenOnce | None) -> str:
    """What is wrong with a line or a seal by itself, or nothing."""
    try:
        return "" if row and row.holds() else "was changed, or slipped in"
    except UnknownKey as trouble:
        return f"was slipped in, or made with the key “{trouble}”, which is not in MFA_ENCRYPTION_KEYS"
    except Exception:  # a column holds what it never would
        return "was changed, or slipped in"


def _first_copy() -> Trouble | None:
    """A line that is another one over again. The database refuses them, as long as nobody alters its tables."""
    codes = AuditEvent.objects.order_by().values("mac").annotate(number=Count("pk"), copy=Max("pk"))
    copy = codes.filter(number__gt=1).order_by("copy").values_list("copy", flat=True).first()
    return Trouble(copy, f"Line {copy} was slipped in: it is a copy of an earlier one.") if copy else None


def _first_bad_seal() -> Trouble | None:
    """The first seal that is gone, changed, or whose lines are not those that it was made over."""
    before, due, next_line = "", 1, 1
    for number, seal in _rows(AuditSeal.objects.get_queryset()):
        if number != due:
            return Trouble(next_line, f"Seal {due}, over line {next_line} and those after it, was removed.")
        if (wrong := _wrong_with(seal)) or seal is None:
            return Trouble(next_line, f"Seal {number} {wrong}.")
        there = dict(AuditEvent.objects.filter(pk__range=(seal.first, seal.last)).values_list("pk", "mac"))
        ids = sorted(seal.sealed)
        if missing := next((id_ for id_ in ids if id_ not in there), None):
            text = f"Line {missing} was removed: it was there on {seal.at:%Y-%m-%d %H:%M:%S} UTC, when seal {number} was made."
            return Trouble(missing, text)
        if not constant_time_compare(digest_of(((id_, there[id_]) for id_ in ids), before), seal.digest):
            return Trouble(
                seal.first, f"Lines {seal.first} to {seal.last} are not those that seal {number} was made over."
            )
        before, due, next_line = seal.mac, number + 1, max(next_line, seal.last + 1)
    return None
