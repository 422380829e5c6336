"""What the lists ask of the database, and how it goes about it: the same among twenty people as among a million."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.http import QueryDict

from accounts.models import Role, User
from companies.listing.people import UserList
from companies.listing.search import matching, words_in
from companies.models import Listing


@pytest.fixture
def several(admin, company):
    User.objects.bulk_create(
        User(username=f"u{n:04}", first_name=("Søren", "Ada")[n % 2], last_name="García", company=company)
        for n in range(20)
    )


def asked(actor, query):
    """The statements that a list makes for what a page shows, with their parameters, in turn."""
    noted = []

    def note(execute, sql, params, many, context):
        noted.append((sql, params))
        return execute(sql, params, many, context)

    found = UserList(actor, QueryDict(query))
    with connection.execute_wrapper(note):
        list(found.chips), found.page, found.number  # looked up here
    return noted


def plan_of(sql, params):
    """How the database would go about it among so many that an index is worth its while."""
    with connection.cursor() as cursor:
        if (
            connection.vendor == "postgresql"
        ):  # which reads all of a table, or walks along its keys, where that is twenty rows
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute(f"EXPLAIN {'QUERY PLAN' if connection.vendor == 'sqlite' else ''} {sql}", params)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def test_a_search_counts_nobody_but_whom_it_finds(admin, several):
    """The sums of the tally would be most of its time."""
    statements = asked(admin, "q=soren")

    assert len(UserList(admin, QueryDict("q=soren")).page.people) == 10
    assert not [sql for sql, _params in statements if "companies_tally" in sql]


@pytest.mark.parametrize("query", ["q=soren&role=auditor", "q=soren&show=set_up"])
def test_a_search_among_some_reads_their_numbers_once_at_most(admin, several, query):
    assert len([sql for sql, _params in asked(admin, query) if "companies_tally" in sql]) <= 1


def test_whoever_sees_some_roles_finds_these_alone(make_user, company, several):
    """What a search leaves out for those who see everybody."""
    reader = make_user("reader", role=Role.HELPDESK)
    make_user("soren-above", role=Role.ADMINISTRATOR)
    found = UserList(reader, QueryDict("q=soren")).page.people

    assert len(found) == 10
    assert "soren-above" not in {person.username for person in found}


@pytest.mark.parametrize("words", ["soren", "soren garcia", "soren acme"])
def test_words_are_looked_for_by_the_index_of_their_parts(several, words):
    found = matching(Listing.objects.all(), words_in(words))
    plan = plan_of(*found.query.sql_with_params())

    assert found.count() == 10
    assert ("listed_by_text" if connection.vendor == "postgresql" else "VIRTUAL TABLE INDEX") in plan
    assert not re.search("Seq Scan on companies_listing|SCAN companies_listing$", plan, re.MULTILINE), plan


@pytest.mark.skipif("connection.vendor != 'sqlite'")
def test_sqlite_finds_who_holds_all_words_before_it_fetches_anybody(admin, several):
    words = {sql.count("MATCH") for sql, _params in asked(admin, "q=soren+garcia") if "MATCH" in sql}

    assert words == {1}
