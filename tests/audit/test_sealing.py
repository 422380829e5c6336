"""Checkpoints and `manage.py audit_verify`: whatever is done to the audit behind the application's back is named."""

from __future__ import annotations

import json
import string
from base64 import b64encode, urlsafe_b64encode
from datetime import timedelta
from io import StringIO
from secrets import token_bytes
from threading import Event, Thread

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from audit.models import AuditEvent, Checkpoint, WrittenOnceError
from audit.recording import origin, record
from audit.sealing import checkpoints, keys, stored, timing
from audit.sealing.checkpoints import Statement, Tampered, digest, seal_lines
from audit.vocabulary import Action
from tests.audit import LINES, SEALS
from tests.test_races import in_parallel

SQLITE_ONLY = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="PostgreSQL's types have one spelling for each value, and no REPLACE"
)


@pytest.fixture
def sql(guards_away):
    """Somebody at the database's own prompt, who has taken its guards away."""

    def run(statement, *values):
        with connection.cursor() as cursor:
            cursor.execute(statement, values)

    return run


def aged(number=1, seconds=600, **columns):
    """Lines of some minutes ago; the newest, or all of several."""
    at = timezone.now() - timedelta(seconds=seconds)
    made = [AuditEvent.objects.create(at=at, action=Action.REFUSED, details={"n": n}, **columns) for n in range(number)]
    return made if number > 1 else made[0]


def verified(*options):
    """What the command says where all is well."""
    out = StringIO()
    call_command("audit_verify", *options, stdout=out)
    return out.getvalue()


def found(*options):
    """What the command says where it is not; it ends with exit code 1."""
    with pytest.raises(CommandError) as trouble:
        call_command("audit_verify", *options)
    assert trouble.value.returncode == 1
    return str(trouble.value)


# --- All is well ---


def test_an_empty_audit_is_as_it_was_sealed(db):
    assert "Lines looked at: 0, checkpoints: 0." in verified()


def test_real_lines_hold_whatever_they_hold(kim, admin):
    kim.sign_in()
    kim.set_up_app()
    odd = {"list": [1, 2.5, None, True], "text": "ü\u2028\"'\\", "nested": {"b": 1, "a": ["x"]}, "big": 10**30}
    for address in ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.1", "::1", "FE80::1", None):
        with origin(address, "Firefox — „x“ \t"):
            record(Action.REFUSED, actor=admin, subject=kim.user, **odd)

    verified()
    assert "checkpoints: 1. Lines of the last minutes under none: 0" in verified()


def test_a_clean_audit_says_how_much_was_looked_at_and_seals_the_rest(db):
    aged(5)

    assert (
        "Lines looked at: 5, checkpoints: 0. Lines of the last minutes under none: 5, of them sealed now: 5"
        in verified()
    )
    told = verified()
    assert "Lines looked at: 5, checkpoints: 1. Lines of the last minutes under none: 0, of them sealed now: 0" in told
    assert f"Newest checkpoint: 1:{digest(stored.newest_checkpoint().statement)}." in told
    assert f"Public key: {keys.public_key()}." in told


def test_lines_of_transactions_that_were_rolled_back_are_not_missed(db):
    """PostgreSQL's sequences go on; here the id is skipped by hand, so that it is so everywhere."""
    first = aged()
    AuditEvent.objects.create(pk=first.pk + 5, at=first.at, action=Action.REFUSED)

    assert seal_lines() == 2
    assert "Lines looked at: 2, checkpoints: 1." in verified()


def test_a_checkpoint_says_which_lines_there_were(db):
    aged(3)
    seal_lines()
    later = aged(2)
    seal_lines()

    first, second = (Statement.read(checkpoint.statement) for checkpoint in stored.checkpoints())
    assert (second.number, second.first, second.last, second.count) == (2, later[0].pk, later[1].pk, 2)
    assert (first.before, second.before) == ("", digest(next(stored.checkpoints()).statement))
    assert second.sha256 == checkpoints.hash_of(stored.lines(later[0].pk))
    assert set(second.marked()) == {line.pk for line in later}


def test_many_lines_are_sealed_in_batches(db, monkeypatch):
    monkeypatch.setattr(checkpoints, "MOST", 10)
    aged(25)

    assert seal_lines() == 25
    assert [Statement.read(c.statement).count for c in stored.checkpoints()] == [10, 10, 5]
    assert "Lines looked at: 25, checkpoints: 3." in verified()


def test_lines_are_read_a_thousand_at_a_time(db, monkeypatch):
    monkeypatch.setattr(stored, "CHUNK", 2)
    for _ in range(5):
        aged()
        seal_lines()
    aged(5)

    assert "Lines looked at: 10, checkpoints: 5. Lines of the last minutes under none: 5" in verified()


# --- The key ---


def a_key():
    return urlsafe_b64encode(token_bytes(32)).decode()


def test_what_an_earlier_key_signed_counts_while_its_public_half_is_listed(db, settings):
    aged(3)
    seal_lines()
    before = keys.public_key()
    settings.AUDIT_SIGNING_KEY = a_key()
    assert "signed with a key that is not known here" in found()
    with pytest.raises(Tampered, match="not known here"):
        seal_lines()

    settings.AUDIT_PUBLIC_KEYS = [before]
    aged(2)

    assert "of them sealed now: 2" in verified()
    assert "Lines looked at: 5, checkpoints: 2." in verified()


def test_no_public_key_looks_like_an_option_on_a_command_line_and_both_alphabets_are_read(settings):
    raw = bytes([0xFB, 0xEF]) * 16
    settings.AUDIT_PUBLIC_KEYS = [urlsafe_b64encode(raw).decode(), b64encode(raw).decode()]
    assert settings.AUDIT_PUBLIC_KEYS[0].startswith("--")

    assert keys.as_public(settings.AUDIT_PUBLIC_KEYS[0]) == keys.as_public(settings.AUDIT_PUBLIC_KEYS[1])
    named = set()
    for _ in range(300):
        settings.AUDIT_SIGNING_KEY = a_key()
        named |= set(keys.public_key())
    assert named == set(string.ascii_letters + string.digits + "+/=")


@pytest.mark.parametrize("key", ["", "x", "AAAA", "ä" * 43])
@pytest.mark.parametrize("name", ["AUDIT_SIGNING_KEY", "AUDIT_PUBLIC_KEYS"])
def test_what_is_no_key_stops_the_start(name, key, settings):
    setattr(settings, name, [key] if name == "AUDIT_PUBLIC_KEYS" else key)

    with pytest.raises(ImproperlyConfigured, match=name):
        keys.read()


def test_a_change_of_the_encryption_keys_concerns_no_line(kim, settings):
    kim.sign_in()
    seal_lines()
    settings.MFA_ENCRYPTION_KEYS = [f"k9:{a_key()}"]

    assert "checkpoints: 1." in verified()


# --- When lines are sealed ---


@pytest.mark.django_db(transaction=True)
def test_a_line_is_sealed_soon_beside_the_request(kim, settings):
    sealed = Event()
    settings.AUDIT_SEALED_AFTER = 0.01
    real = timing.seal_lines
    timing.seal_lines = lambda: (real(), sealed.set())[0]
    try:
        kim.sign_in()
        assert sealed.wait(20)
    finally:
        timing.seal_lines = real
    settings.AUDIT_SEALED_AFTER = None
    timing.soon.seal_now()

    assert AuditEvent.objects.count() == sum(Statement.read(c.statement).count for c in stored.checkpoints())


@pytest.mark.django_db(transaction=True)
def test_what_a_process_that_was_killed_did_not_seal_the_worker_does(kim, settings, monkeypatch, caplog):
    kim.sign_in()
    settings.AUDIT_SEALED_AFTER = 3600
    timing.seal_what_was_left()
    assert list(stored.checkpoints()) == [], "its own process may still do it"

    settings.AUDIT_SEALED_AFTER = 0
    with monkeypatch.context() as away:
        away.setattr(timing, "unsealed_lines", lambda: 1 / 0)
        timing.seal_what_was_left()
    assert "could not be sealed" in caplog.text
    timing.seal_what_was_left()

    assert AuditEvent.objects.count() == sum(Statement.read(c.statement).count for c in stored.checkpoints()) > 0


@pytest.mark.django_db(transaction=True)
def test_a_seal_that_cannot_be_made_fails_no_login_and_is_told_the_log(kim, settings, monkeypatch, caplog):
    def broken():
        raise RuntimeError

    monkeypatch.setattr(timing, "seal_lines", broken)
    settings.AUDIT_SEALED_AFTER = 3600

    assert kim.sign_in().status_code == 302
    timing.soon.seal_now()

    assert kim.is_in
    assert "could not be sealed" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_many_that_seal_at_once_one_does_and_none_fails(transactional_db):
    aged(20)

    sealed = in_parallel([seal_lines] * 8)

    assert sum(sealed) == 20
    assert "Lines looked at: 20, checkpoints: 1." in verified()


@pytest.mark.django_db(transaction=True)
def test_those_who_write_and_seal_at_once_leave_an_audit_that_holds(transactional_db):
    def write():
        for _ in range(5):
            with transaction.atomic():
                record(Action.REFUSED, actor=None)
            seal_lines()

    in_parallel([write] * 8)
    seal_lines()

    assert "Lines looked at: 40," in verified()
    assert sum(Statement.read(c.statement).count for c in stored.checkpoints()) == 40


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's one writer commits in the order of the ids")
@pytest.mark.django_db(transaction=True)
def test_a_line_that_commits_late_is_waited_for(transactional_db, monkeypatch):
    monkeypatch.setattr(stored, "PATIENCE", 0.1)
    written, may_commit = Event(), Event()

    def slow():
        try:
            with transaction.atomic():
                record(Action.PROVED, actor=None)
                written.set()
                may_commit.wait(20)
        finally:
            connection.close()

    thread = Thread(target=slow)
    thread.start()
    written.wait(20)
    with transaction.atomic():
        record(Action.SIGNED_IN, actor=None)

    assert seal_lines() is None
    assert not Checkpoint.objects.exists()
    monkeypatch.setattr(stored, "PATIENCE", 20)
    Thread(target=may_commit.set).start()
    assert seal_lines() == 2
    thread.join()
    assert [line.action for line in AuditEvent.objects.order_by("pk")] == ["proved", "signed_in"]
    assert "Lines looked at: 2, checkpoints: 1." in verified()


def test_lines_that_waited_long_are_a_warning_in_the_log(db, caplog):
    caplog.set_level("INFO", "m2v.audit")
    aged()
    seal_lines()
    aged(seconds=3600)
    seal_lines()

    told = [(record.levelname, record.message) for record in caplog.records if record.message.startswith("sealed")]
    assert told == [("INFO", "sealed"), ("WARNING", "sealed late")]


# --- Lines changed, removed, slipped in ---

CHANGES = {
    "at": "2020-01-01 00:00:00",
    "action": "signed_in",
    "actor_id": None,
    "subject_id": None,
    "company_id": None,
    "address": "198.51.100.9",
    "browser": "Firefox",
    "details": json.dumps({"n": 99}),
}


@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found_and_its_line_named(column, sql, kim):
    full = {"actor": kim.user, "subject": kim.user, "company": kim.user.company, "address": "192.0.2.1", "browser": "x"}
    lines = aged(4, **full)
    seal_lines()
    assert "Lines looked at: 4," in verified()

    sql(f"UPDATE {LINES} SET {column} = %s WHERE id = %s", CHANGES[column], lines[2].pk)

    told = found()
    assert told.startswith(f"Line {lines[2].pk} (")
    assert "was changed, or slipped in" in told


def test_the_first_of_several_is_named(sql):
    lines = aged(5)
    seal_lines()
    for line in (lines[3], lines[1]):
        sql(f"UPDATE {LINES} SET browser = 'x' WHERE id = %s", line.pk)

    assert found().startswith(f"Line {lines[1].pk} ")


@SQLITE_ONLY
@pytest.mark.parametrize(
    ("column", "value"), [("details", "7"), ("at", "yesterday"), ("at", "2026-99-99"), ("at", 7), ("address", b"\xff")]
)
def test_a_column_that_cannot_be_read_is_found_too(column, value, sql):
    lines = aged(3)
    seal_lines()
    sql(f"UPDATE {LINES} SET {column} = %s WHERE id = %s", value, lines[1].pk)

    assert found().startswith(f"Line {lines[1].pk} ")


@pytest.mark.parametrize("which", [0, 3, 9], ids=["first", "in the middle", "last"])
def test_a_removed_line_is_named(which, sql):
    lines = aged(10)
    seal_lines()

    sql(f"DELETE FROM {LINES} WHERE id = %s", lines[which].pk)

    told = found()
    assert told.startswith(f"Line {lines[which].pk} was removed")
    assert "checkpoint 1" in told


def test_a_line_that_turns_up_below_the_newest_checkpoint_is_named(db):
    first = aged()
    AuditEvent.objects.create(pk=first.pk + 5, at=first.at, action=Action.REFUSED)
    seal_lines()
    AuditEvent.objects.create(pk=first.pk + 2, at=first.at, action=Action.PROVED)

    assert found().startswith(f"Line {first.pk + 2} (")


@pytest.mark.parametrize("seconds", [1000, -120], ids=["old", "of tomorrow"])
def test_a_line_under_no_checkpoint_is_of_the_last_minutes(seconds, db):
    aged()
    line = aged(seconds=seconds)

    assert found().startswith(f"Line {line.pk} (")
    assert "is under no checkpoint" in found()


def test_lines_that_changed_places_are_found(sql):
    lines = aged(4)
    seal_lines()
    first, second, nowhere = lines[1].pk, lines[2].pk, lines[-1].pk + 100
    for there, here in ((nowhere, first), (first, second), (second, nowhere)):
        sql(f"UPDATE {LINES} SET id = %s WHERE id = %s", there, here)

    assert found().startswith(f"Line {first} (")


def test_a_line_whose_mark_is_another_ones_too_is_found_still(sql, monkeypatch):
    monkeypatch.setattr(checkpoints, "mark", lambda line: "00000000")
    monkeypatch.setattr("audit.sealing.proof.mark", lambda line: "00000000")
    lines = aged(4)
    seal_lines()
    sql(f"UPDATE {LINES} SET browser = 'x' WHERE id = %s", lines[1].pk)

    assert found().startswith(f"Lines {lines[0].pk} to {lines[3].pk} are not those")


# --- Checkpoints ---


@pytest.fixture
def three_checkpoints(sql):
    """Six lines under three checkpoints."""
    for _ in range(3):
        aged(2)
        seal_lines()
    return sql


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_checkpoint_is_named(number, three_checkpoints):
    three_checkpoints(f"DELETE FROM {SEALS} WHERE number = %s", number)

    assert found() == f"Checkpoint {number} was removed."


@pytest.mark.parametrize(
    ("column", "value"), [("statement", "{}"), ("statement", ""), ("signature", "ab" * 64), ("signature", "é")]
)
def test_a_changed_checkpoint_is_named(column, value, three_checkpoints):
    three_checkpoints(f"UPDATE {SEALS} SET {column} = %s WHERE number = 2", value)

    assert found().startswith("Checkpoint 2 was changed")


def test_a_checkpoint_of_another_place_is_named(three_checkpoints):
    three_checkpoints(f"DELETE FROM {SEALS} WHERE number = 2")
    three_checkpoints(f"UPDATE {SEALS} SET number = 2 WHERE number = 3")

    assert found().startswith("Checkpoint 2 was exchanged")


def test_one_that_was_cut_off_leaves_lines_that_are_too_old_for_none(sql):
    lines = aged(2, seconds=3600)
    seal_lines()
    sql(f"DELETE FROM {SEALS}")

    assert found().startswith(f"Line {lines[0].pk} (")


def test_lines_and_checkpoints_cut_off_together_are_found_with_what_the_log_knows(three_checkpoints):
    """What `proof` says cannot be seen; the log's checkpoint shows it."""
    last = stored.newest_checkpoint()
    logged = f"3:{digest(last.statement)}"
    assert "checkpoints: 3." in verified("--checkpoint", logged)
    three_checkpoints(f"DELETE FROM {SEALS} WHERE number = 3")
    three_checkpoints(f"DELETE FROM {LINES} WHERE id >= %s", Statement.read(last.statement).first)

    assert "Lines looked at: 4, checkpoints: 2." in verified()
    assert found("--checkpoint", logged).startswith("Checkpoint 3:")
    assert found("--checkpoint", "2:" + "0" * 64)


# --- No way through the application ---


@pytest.mark.row("ASVS-16.4.2")
def test_the_application_has_no_way_to_change_or_delete_a_line(kim):
    line = aged(subject=kim.user)
    seal_lines()
    for row, column in ((line, "browser"), (Checkpoint.objects.get(), "statement")):
        table = type(row).objects
        for act in (
            row.save,
            row.delete,
            lambda table=table: table.all().delete(),
            lambda table=table, column=column: table.filter(pk=0).update(**{column: "x"}),
            lambda table=table, row=row, column=column: table.bulk_update([row], [column]),
            lambda table=table: table.update_or_create(pk=1),
            lambda table=table, row=row, column=column: table.bulk_create(
                [row], update_conflicts=True, update_fields=[column], unique_fields=["pk"]
            ),
        ):
            with pytest.raises(WrittenOnceError):
                act()
    with pytest.raises(WrittenOnceError):
        kim.user.events.update(browser="x")
    with pytest.raises(ProtectedError):
        kim.user.delete()
    assert AuditEvent.objects.filter(pk=line.pk).exists()


def test_a_line_that_is_saved_twice_is_not_written_over(db):
    line = aged()
    again = AuditEvent(pk=line.pk, action=Action.SIGNED_IN)

    with pytest.raises(IntegrityError), transaction.atomic():
        again.save()

    assert AuditEvent.objects.get().action == Action.REFUSED


# --- What the product would never write ---

COLUMNS = "at, action, actor_id, subject_id, company_id, address, browser, details"


def respelt(column, kim):
    """A line about Kim, and another spelling of one of its values that reads the same."""
    line = aged(subject=kim.user, actor=kim.user)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CAST({column} AS TEXT) FROM {LINES} WHERE id = %s", [line.pk])
        spelling = cursor.fetchone()[0]
    return line, {
        "subject_id": spelling.upper(),
        "actor_id": f"{spelling[:8]}-{spelling[8:]}",
        "at": spelling.replace(" ", "T"),
        "details": '{"n": 1, ' + spelling[1:],
    }[column]


@pytest.mark.parametrize("number", [0, -1, -(2**40)])
@pytest.mark.parametrize(("table", "key"), [(LINES, "id"), (SEALS, "number")])
def test_the_database_takes_no_row_numbered_below_1(table, key, number, db):
    aged()
    seal_lines()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        others = ", ".join(name for name, *_ in cursor.description if name != key)
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(f"INSERT INTO {table} ({key}, {others}) SELECT %s, {others} FROM {table}", [number])


@pytest.mark.parametrize("sealed", [True, False])
def test_a_line_below_1_is_found_where_somebody_took_the_constraint_away(sealed, sql):
    aged()
    if sealed:
        seal_lines()
    sql(
        f"INSERT INTO {LINES} (id, {COLUMNS}) SELECT -7, {COLUMNS.replace('at,', '%s,')} FROM {LINES}",
        "2026-01-01 00:00:00",
    )

    assert found().startswith("Line -7 (")


@SQLITE_ONLY
@pytest.mark.parametrize("column", ["subject_id", "actor_id", "at", "details"])
def test_another_spelling_of_a_value_is_refused(column, db, kim):
    line, spelling = respelt(column, kim)
    values = COLUMNS.replace(column, "%s")

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="not as the product writes"):
        cursor.execute(
            f"INSERT INTO {LINES} ({COLUMNS}) SELECT {values} FROM {LINES} WHERE id = %s", [spelling, line.pk]
        )


@SQLITE_ONLY
@pytest.mark.parametrize("column", ["subject_id", "actor_id", "at", "details"])
def test_another_spelling_of_a_value_is_found_where_somebody_took_the_triggers_away(column, sql, kim):
    line, spelling = respelt(column, kim)
    seal_lines()
    before = getattr(line, column)
    sql(f"UPDATE {LINES} SET {column} = %s WHERE id = %s", spelling, line.pk)

    assert f"Line {line.pk}" in found()
    if column.endswith("_id"):  # the foreign keys are looked at when the test ends
        sql(f"UPDATE {LINES} SET {column} = %s WHERE id = %s", before.hex, line.pk)


@SQLITE_ONLY
@pytest.mark.parametrize("statement", ["REPLACE INTO", "INSERT OR REPLACE INTO", "INSERT OR IGNORE INTO"])
@pytest.mark.parametrize("table", [LINES, SEALS])
def test_a_row_is_not_replaced(statement, table, db):
    aged()
    seal_lines()

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        cursor.execute(f"{statement} {table} SELECT * FROM {table}")
