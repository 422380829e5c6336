"""An upgrade and the people who are at work meanwhile, on PostgreSQL: SQLite has one writer at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from time import monotonic, sleep

import pytest
from django.core.management import CommandError
from django.db import connection, connections, transaction

from accounts.models import User
from companies.models import Company
from m2v import upgrading

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]
WAITS = "SELECT count(*) FROM pg_locks WHERE relation = 'accounts_user'::regclass AND NOT granted"


@pytest.fixture
def migrations(monkeypatch):
    """What stands in for one that takes companies, then people; each try of it."""
    tries = []

    def migrate(*_args, **_options):
        tries.append(monotonic())
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("LOCK TABLE companies_company IN ACCESS EXCLUSIVE MODE")
            cursor.execute("LOCK TABLE accounts_user IN ACCESS EXCLUSIVE MODE")

    monkeypatch.setattr(upgrading, "call_command", migrate)
    monkeypatch.setattr(upgrading, "SECONDS_BETWEEN_TRIES", 0)
    return tries


def work(begun, kim, go_on):
    """Change Kim, and once `go_on()` the company too: as one act."""
    try:
        with transaction.atomic():
            User.objects.filter(pk=kim.user.pk).update(first_name="Kimberley")
            begun.set()
            end = monotonic() + 60
            while not go_on():
                assert monotonic() < end
                sleep(0.02)
            Company.objects.filter(pk=kim.user.company_id).update(name="Acme Works")
    finally:
        connections.close_all()


def somebody_waits_for_people():
    with connection.cursor() as cursor:
        cursor.execute(WAITS)
        return cursor.fetchone()[0]


def test_of_a_migration_and_somebody_at_work_who_wait_for_each_other_the_migration_begins_again(kim, migrations):
    begun = Event()
    with ThreadPoolExecutor(1) as people:
        act = people.submit(work, begun, kim, somebody_waits_for_people)
        assert begun.wait(60)
        upgrading.migrate()
        act.result()

    assert len(migrations) > 1
    kim.user.refresh_from_db()
    assert (kim.user.first_name, kim.user.company.name) == ("Kimberley", "Acme Works")


def test_an_upgrade_that_waits_for_another_keeps_no_index_of_it_from_being_made():
    """An index that lets others write meanwhile waits for every statement that was begun before it."""
    waits = Event()

    def another():
        try:
            with upgrading.alone(waits.set):
                pass
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as machines, upgrading.alone(pytest.fail), connection.cursor() as cursor:
        other = machines.submit(another)
        assert waits.wait(60)
        sleep(0.5)
        cursor.execute("SET statement_timeout = '20s'")
        try:
            cursor.execute("CREATE INDEX CONCURRENTLY made_beside ON accounts_siterule (id)")
            assert not other.done()
        finally:
            cursor.execute("RESET statement_timeout")
            cursor.execute("DROP INDEX IF EXISTS made_beside")
    other.result(60)


def test_a_table_that_is_held_for_long_ends_the_upgrade_with_a_sentence_and_nobody_at_work_fails(
    kim, migrations, monkeypatch
):
    monkeypatch.setattr(upgrading, "MOST_TRIES", 2)
    begun, ended = Event(), Event()
    with ThreadPoolExecutor(1) as people:
        act = people.submit(work, begun, kim, ended.is_set)
        assert begun.wait(60)
        try:
            with pytest.raises(CommandError, match="Another program holds a table"):
                upgrading.migrate()
        finally:
            ended.set()
        act.result()

    assert len(migrations) == 2
