"""`manage.py tidy` deletes what has run out, and nothing else."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django_tasks_db.models import DBTaskResult

from accounts import addresses
from accounts.models import Budget, PendingAddress, Session
from audit.models import AuditEvent
from audit.sealing.checkpoints import Tampered
from m2v import nightly
from tests.people import Person, browser


@pytest.mark.row("ASVS-14.2.7")
def test_what_has_run_out_is_deleted(kim, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    kim.sign_in()
    browser().post("/login/", {"username": "nobody", "password": "wrong"}, REMOTE_ADDR="192.0.2.9")
    for status in ("SUCCESSFUL", "READY"):
        DBTaskResult.objects.create(
            status=status,
            task_path="x",
            args_kwargs={"args": [], "kwargs": {}},
            backend_name="default",
            exception_class_path="",
            traceback="",
        )
    time_machine.shift(31 * 24 * 3600)
    later = Person(kim.user)
    later.sign_in()
    said = StringIO()

    call_command("tidy", stdout=said)

    lines = AuditEvent.objects.count()
    assert said.getvalue() == (
        "1 sessions, 1 counts of guesses, 0 records of mail, 0 addresses that nobody confirmed, 1 finished tasks, 0 removed factors, 0 files of people, 0 acts on many people that were given up, 0 acts on many people, 0 numbers of days are deleted, "
        f"{lines} lines of the audit sealed.\n"
    )
    assert Session.objects.count() == 1
    assert later.is_in
    assert [task.status for task in DBTaskResult.objects.all()] == ["READY"]
    assert not Budget.objects.filter(pk="address:192.0.2.9").exists()


@pytest.mark.parametrize(("days", "kept"), [(2, False), (30, True)])
def test_guesses_are_kept_for_as_many_days_as_is_said(days, kept, db, settings, time_machine):
    settings.GUESS_DAYS = days
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    browser().post("/login/", {"username": "nobody", "password": "wrong"}, REMOTE_ADDR="192.0.2.9")

    time_machine.shift(2 * 24 * 3600 + 1)
    call_command("tidy", stdout=StringIO())

    assert Budget.objects.filter(pk="address:192.0.2.9").exists() is kept


@pytest.mark.parametrize(("days", "kept"), [(6, True), (8, False)])
def test_an_address_that_nobody_confirmed_is_kept_as_long_as_its_link_is_good(days, kept, kim, admin, time_machine):
    """It may be a stranger's: somebody mistyped their own."""
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    addresses.enter(kim.user, "stranger@example.com", actor=admin)

    time_machine.shift(days * 24 * 3600)
    call_command("tidy", stdout=StringIO())

    assert PendingAddress.objects.exists() is kept
    assert (addresses.waiting_for(kim.user) is not None) is kept


@pytest.mark.row("ASVS-6.3.8")
def test_what_is_tidied_tells_nobody_which_names_exist(kim, time_machine):
    """Failures at a name count on for as long whether somebody has it or not."""
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    for name in ("kim", "nobody"):
        for _time in range(4):
            browser().post("/login/", {"username": name, "password": "wrong"})
    time_machine.shift(31 * 24 * 3600)
    call_command("tidy", stdout=StringIO())

    for name in ("kim", "nobody"):
        guesses = [browser().post("/login/", {"username": name, "password": "wrong"}).status_code for _time in range(2)]
        assert guesses == [400, 429]


def test_an_audit_that_is_not_as_it_was_sealed_is_a_sentence_and_everything_is_tidied(kim, monkeypatch, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    kim.sign_in()
    time_machine.shift(31 * 24 * 3600)

    def tampered():
        raise Tampered("Checkpoint 1 was changed.")

    monkeypatch.setattr("accounts.management.commands.tidy.seal_lines", tampered)
    with pytest.raises(CommandError, match="Checkpoint 1 was changed"):
        call_command("tidy")

    assert not Session.objects.exists()


def away(*_statement):
    raise OperationalError("The database is away.")


@pytest.mark.row("ASVS-14.2.7")
def test_the_worker_does_it_too_and_what_fails_is_logged(kim, clock, caplog):
    kim.sign_in()
    clock.shift(24 * 3600 + 1)

    with transaction.atomic(), connection.execute_wrapper(away):
        nightly.delete_old()
    assert [record.message for record in caplog.records] == ["what has run out could not be deleted"]
    assert Session.objects.count() == 1

    nightly.delete_old()
    assert Session.objects.count() == 0
    nightly.delete_old()
    assert len(caplog.records) == 1
