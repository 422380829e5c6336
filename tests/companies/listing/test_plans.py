"""What the lists ask of the database, and how it goes about it: the same among twenty people as among a million."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.http import QueryDict

from accounts.models import Role, User
from companies.listing.people import UserList
from companies.listing.search import matching, search, words_in
from companies.models import Listing
from companies.overview import Overview


@pytest.fixture
def several(admin, company):
    User.objects.bulk_create(
        User(username=f"u{n:04}", first_name=("Søren", "Ada")[n % 2], last_name="García", company=company)
        for n in range(20)
    )


def asked_by(act):
    """The statements that `act` makes, with their parameters, in turn."""
    noted = []

    def note(execute, sql, params, many, context):
        noted.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        act()
    return noted


def asked(actor, query):
    """Those of a list, for what its page shows."""
    found = UserList(actor, QueryDict(query))
    return asked_by(lambda: (list(found.chips), found.page, found.number))


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
@pytest.mark.parametrize("query", ["q=soren+garcia", "q=soren+garcia&role=member"])
def test_sqlite_finds_the_first_who_hold_all_words_before_it_fetches_anybody(admin, several, query):
    [(sql, params)] = [each for each in asked(admin, query) if "MATCH" in each[0]]

    assert re.findall("MATCH .*? LIMIT %s", sql)
    assert '"soren" AND "garcia"' in params
    assert "VIRTUAL TABLE INDEX" in plan_of(sql, params)


def test_few_are_not_sought_along_the_ids_of_all(admin, several):
    """Three of a million were found after a quarter of a second."""
    few = Listing.objects.filter(kind__in=[1, 2], company=None)

    [(sql, params)] = [each for each in asked_by(lambda: search(few, ["soren"], few=True)) if "ORDER BY" in each[0]]
    assert not re.search("companies_listing_pkey|INTEGER PRIMARY KEY", plan_of(sql, params).partition("LEFT-JOIN")[0])


def test_whoever_sees_everybody_has_the_numbers_of_all_from_their_totals(admin, several):
    asked_first = [sql for sql, _params in asked(admin, "") if "SUM(" in sql]

    assert "companies_total" in asked_first[0]
    assert not [sql for sql in asked_first if "companies_tally" in sql and "company_id" not in sql]


def test_companies_are_ranked_by_sums_that_sqlite_knows_to_be_the_same(admin, several):
    """One with a parameter in it is another each time that it is named, and each adds up all of the tally."""
    [(sql, params)] = [each for each in asked_by(lambda: Overview(admin).behind) if "CASE WHEN" in each[0]]

    assert sql.count("SUM(") > 2
    assert not params
