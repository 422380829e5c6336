"""What is raised while the database is away, and what is a mistake of ours."""

from __future__ import annotations

import psycopg
import pytest
from django.db import connection, utils

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


def test_a_pool_that_loses_its_server_between_two_answers_is_an_outage():
    broken, mistaken = utils.InternalError("as a driver's"), utils.InternalError("as a driver's")
    broken.__cause__ = psycopg.InternalError("received 2 results from command 'BEGIN'")
    mistaken.__cause__ = psycopg.errors.lookup("25P02")("the transaction is broken off, with the server's number")

    assert is_away(broken)
    assert not is_away(mistaken)


def test_a_connection_that_breaks_in_the_middle_of_an_answer_is_an_outage_though_psycopg_has_no_kind_for_it():
    broken, mistaken = utils.DatabaseError("as a driver's"), utils.DatabaseError("as a driver's")
    broken.__cause__ = psycopg.DatabaseError("server closed the connection unexpectedly")
    mistaken.__cause__ = psycopg.errors.lookup("XX000")("a mistake of the server's, with its number")

    assert is_away(broken)
    assert not is_away(mistaken)
    assert not is_away(utils.DatabaseError("Save with update_fields did not affect any rows."))
    assert not is_away(utils.DatabaseError("no database is there without a driver"))
