"""The database is away: what is raised then, whichever database it is."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, OperationalError


def is_away(trouble: BaseException) -> bool:
    """Will it pass, without a mistake of anybody's: a connection that broke, a full disk, a wait for a lock?

    Where a connection breaks while an answer is read, PostgreSQL's library makes up an error without a number (SQLSTATE).
    psycopg knows such a one for a DatabaseError and no more; each that the server itself sends has a number.
    """
    if isinstance(trouble, OperationalError | InterfaceError):
        return True
    return type(trouble) is DatabaseError and getattr(trouble.__cause__, "sqlstate", "") is None
