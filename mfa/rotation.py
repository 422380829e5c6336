"""The keys of what is sealed, as the database needs them: which ones are missing, and how they are changed.

A key is changed while the site runs: put the new one first, restart, and run
`manage.py rotate_mfa_keys`. Every row changes only if it is still the one that
was read, so that nothing of the meantime is lost; run twice, the second time
finds nothing to do.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.keys_in_use import forget_unused
from accounts.mail_models import OwedMail
from accounts.sealing import Purpose, Unreadable, ciphers, names_its_purpose, seal, unseal
from mfa.models import AuthenticatorApp, RecoveryCode

if TYPE_CHECKING:
    from collections.abc import Iterator

type Sealed = type[AuthenticatorApp | RecoveryCode | OwedMail]

# Of each column: what it is for, and the field that says whose it is.
SEALED: tuple[tuple[Sealed, str, Purpose, str], ...] = (
    (AuthenticatorApp, "key", Purpose.APP, "user_id"),
    (RecoveryCode, "sealed_digest", Purpose.RECOVERY_CODE, "user_id"),
    (OwedMail, "sealed", Purpose.OWED_MAIL, "message_id"),
)
BATCH = 500
TRIED = 10  # rows of one key, before it counts as another key of the same id
MOST_IDS = 100  # where there are more, what is there was never sealed here


@dataclass
class Rotation:
    """What a change of keys did: rows now under the first key, those that nobody can read, ids that are needed still."""

    first: str
    done: Counter[str] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)
    needed: set[str] = field(default_factory=set)

    @property
    def free(self) -> list[str]:
        """The keys that nothing needs any more."""
        return [name for name in ciphers() if name not in self.needed | {self.first}]


def rotate() -> Rotation:
    """Seal every row under the first key that is under another one, or does not name its purpose yet."""
    rotation = Rotation(next(iter(ciphers())))
    head = bytes([len(rotation.first)]) + rotation.first.encode()
    for model, column, purpose, owned_by in SEALED:
        for row in _all(model, column):
            table, sealed, owner = model._meta.db_table, bytes(getattr(row, column)), getattr(row, owned_by)
            if sealed.startswith(head) and names_its_purpose(sealed, owner, purpose):
                continue
            try:
                again = seal(unseal(sealed, owner, purpose), owner, purpose)
            except Unreadable:
                rotation.unreadable.append(f"{table} {row.pk}")
                continue
            as_read: dict[str, Any] = {"pk": row.pk, column: sealed}
            rotation.done[table] += model._meta.base_manager.filter(**as_read).update(**{column: again})
    rotation.needed = {_name(head) for model, column, *_ in SEALED for head in _heads(model, column)}
    if not rotation.unreadable:
        forget_unused(rotation.free)
    return rotation


def check_keys() -> None:
    """See that every key which something in the database is sealed with is there, and is the right one.

    Raises ImproperlyConfigured; DatabaseError where the database does not answer. One without our tables has nothing
    to say. Mail that cannot be read keeps nobody out: it is tried for three days, then given up.
    """
    tables = set(connection.introspection.table_names())
    for model, column, purpose, owned_by in SEALED:
        if model._meta.db_table in tables and model is not OwedMail:
            for head in _heads(model, column):
                if 1 < len(head) == 1 + head[0] and head[1:].isascii():  # else it was never sealed here
                    _check(model, column, purpose, owned_by, head)


def _check(model: Sealed, column: str, purpose: Purpose, owned_by: str, head: bytes) -> None:
    """Open a row that begins with `head`. Raises ImproperlyConfigured where none of the first ten opens."""
    name, table = _name(head), model._meta.db_table
    if name not in ciphers():
        text = _(
            "MFA_ENCRYPTION_KEYS has no key with the id “{id}”, which rows of {table} are sealed with. "
            "Add it again, behind the first one."
        )
        raise ImproperlyConfigured(text.format(id=name, table=table))
    rows: Any = model._meta.base_manager.filter(_between(column, head)).order_by("pk").only(owned_by, column)[:TRIED]
    if not any(_opens(bytes(getattr(row, column)), getattr(row, owned_by), purpose) for row in rows):
        text = _(
            "The key with the id “{id}” in MFA_ENCRYPTION_KEYS is not the one that rows of {table} are sealed with. "
            "Put the old one back, and give a new key another id."
        )
        raise ImproperlyConfigured(text.format(id=name, table=table))


def _opens(sealed: bytes, owner: object, purpose: Purpose) -> bool:
    try:
        unseal(sealed, owner, purpose)
    except Unreadable:
        return False
    return True


def _all(model: Sealed, column: str) -> Iterator[Any]:
    """All rows that hold something there, in batches: no more than one is in memory."""
    found = model._meta.base_manager.filter(**{f"{column}__isnull": False}).order_by("pk")
    batch: list[Any] = list(found[:BATCH])
    while batch:
        yield from batch
        batch = list(found.filter(pk__gt=batch[-1].pk)[:BATCH])


def _heads(model: Sealed, column: str) -> Iterator[bytes]:
    """What the sealed secrets of a column begin with (length and id of the key), each once: one statement for each."""
    found = model._meta.base_manager.order_by(column).values_list(column, flat=True)
    after: bytes | None = b""
    for _number in range(MOST_IDS):
        sealed = None if after is None else found.filter(**{f"{column}__gte": after}).first()
        if sealed is None:
            return
        head = _head(bytes(sealed))
        yield head
        after = _next(head)


def _between(column: str, head: bytes) -> Q:
    """Those whose `column` begins with `head`."""
    end = _next(head)
    here = Q(**{f"{column}__gte": head})
    return here if end is None else here & Q(**{f"{column}__lt": end})


def _head(sealed: bytes) -> bytes:
    """The length of a key's id, and the id."""
    return sealed[: 1 + sealed[0]] if sealed else b""


def _next(head: bytes) -> bytes | None:
    """The first bytes after everything that begins with `head`; None where there are none."""
    if not head.strip(b"\xff"):
        return b"\x00" if not head else None
    return (int.from_bytes(head) + 1).to_bytes(len(head))


def _name(head: bytes) -> str:
    return head[1:].decode("ascii", "replace")
