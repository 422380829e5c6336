"""What is raised while the database is away, and what is a mistake of ours."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, utils

from accounts import away
from accounts.away import is_away


def as_django_has_it(raised: Exception) -> Exception:
    """What becomes of what a driver raises."""
    try:
        with utils.DatabaseErrorWrapper(connection):
            raise raised
    except Exception as trouble:  # it is what is looked at
        return trouble


@pytest.mark.parametrize(
    "raised",
    [
        connection.Database.OperationalError("no such host, or a full disk"),
        connection.Database.InterfaceError("the cursor is closed"),
    ],
)
def test_what_passes_by_itself_is_an_outage(raised):
    assert is_away(as_django_has_it(raised))


@pytest.mark.parametrize(
    "raised",
    [connection.Database.ProgrammingError("no such table"), connection.Database.IntegrityError("twice"), ValueError()],
)
def test_a_mistake_is_none(raised):
    assert not is_away(as_django_has_it(raised))


@pytest.mark.parametrize(
    ("kind", "broken", "number"),
    [
        (utils.DatabaseError, psycopg.DatabaseError("server closed the connection unexpectedly"), "XX000"),
        # A pool lost its server between two answers.
        (utils.InternalError, psycopg.InternalError("received 2 results from command 'BEGIN'"), "25P02"),
    ],
)
def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_an_outage_what_the_server_numbers_is_none(
    kind, broken, number
):
    made_up, of_the_server = kind("as a driver's"), kind("as a driver's")
    made_up.__cause__ = broken
    of_the_server.__cause__ = psycopg.errors.lookup(number)("a mistake, with its number")

    assert is_away(made_up)
    assert not is_away(of_the_server)


def test_a_server_that_takes_no_writes_is_an_outage():
    trouble = utils.InternalError("as a driver's")
    trouble.__cause__ = psycopg.errors.ReadOnlySqlTransaction("cannot execute INSERT in a read-only transaction")

    assert is_away(trouble)


def test_what_django_raises_itself_is_none():
    assert not is_away(utils.DatabaseError("Save with update_fields did not affect any rows."))
    assert not is_away(utils.DatabaseError("no database is there without a driver"))


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="a connection to a file does not break")
@pytest.mark.django_db(transaction=True)
def test_a_connection_that_broke_is_replaced(monkeypatch):
    monkeypatch.setattr(away, "BETWEEN_SECONDS", 0)
    tries = []

    def step():
        tries.append(1)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())" if len(tries) == 1 else "SELECT 1")
            return cursor.fetchone()

    assert away.in_spite_of_outages(step) == (1,)
    assert len(tries) == 2
