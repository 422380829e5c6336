"""Numbers that stand side by side are read of one moment, whoever writes between two of the statements."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def one_moment() -> Iterator[None]:
    """All that is read within is as it was when the first of it was read. Nothing is written within, and nobody waits for it.

    In a transaction that is open already it is read as that one reads: there the caller sees to it.
    """
    if connection.in_atomic_block:
        yield
        return
    with connection.execute_wrapper(_without_the_writers_lock), transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _without_the_writers_lock(execute: Callable[..., Any], statement: str, *more: Any) -> Any:
    """A transaction on SQLite takes the one writer's lock as it begins, which nobody who reads needs."""
    return execute("BEGIN" if statement == "BEGIN IMMEDIATE" else statement, *more)
