"""The database is away: what is raised then, whichever database it is."""

from __future__ import annotations

import logging
from time import sleep
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, close_old_connections, connection

if TYPE_CHECKING:
    from collections.abc import Callable

READ_ONLY = "25006"  # PostgreSQL's own number for it
ATTEMPTS = 5  # at one step
BETWEEN_SECONDS = 1  # two of them

log = logging.getLogger("m2v.work")


def is_away(trouble: BaseException) -> bool:
    """Will it pass, without a mistake of anybody's: a connection that broke, a full disk, a wait for a lock, a server that
    takes no writes?

    Where a connection breaks while an answer is read, PostgreSQL's library or psycopg makes up an error without a number
    (SQLSTATE): a DatabaseError and no more, or an InternalError where a pool that loses its server says so between two
    answers ("received 2 results from command 'BEGIN'"). Each that the server itself sends has a number.
    """
    if isinstance(trouble, OperationalError | InterfaceError) or is_read_only(trouble):
        return True
    return type(trouble) in {DatabaseError, InternalError} and getattr(trouble.__cause__, "sqlstate", "") is None


def is_read_only(trouble: BaseException) -> bool:
    """Does the server answer, and take no writes: a primary that became a standby behind its pool, or one whose disk is
    nearly full?
    """
    return getattr(trouble.__cause__, "sqlstate", None) == READ_ONLY


def in_spite_of_outages[Answer](step: Callable[..., Answer], *args: object) -> Answer:
    """What `step` returns, which is begun again where the database is busy with others, or away for a moment. Raises what its
    last attempt raises.
    """
    for _attempt in range(ATTEMPTS - 1):
        try:
            return step(*args)
        except (DatabaseError, InterfaceError) as trouble:
            if not is_away(trouble):
                raise
            log.warning("tried again: the database is busy, or away", exc_info=True)
            if not connection.in_atomic_block:
                close_old_connections()  # one that broke does not mend by itself
            sleep(BETWEEN_SECONDS)
    return step(*args)
