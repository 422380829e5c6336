"""`manage.py audit_verify`: whatever is done to the audit behind the application's back is found, and named."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from datetime import timedelta
from secrets import token_bytes

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from accounts import keys
from audit import recording
from audit.models import AuditEvent, AuditSeal
from audit.recording import record
from audit.sealing import macs, seals
from audit.sealing.seals import ranges, seal_batch, seal_settled
from audit.sealing.written_once import WrittenOnceError
from audit.vocabulary import Action
from tests.test_races import in_parallel

TABLE = "accounts_auditevent"


@pytest.fixture
def sql(db):
    """Somebody at the database's own prompt, who has taken its triggers away."""
    postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for table in (TABLE, "accounts_auditseal"):
            cursor.execute(f"DROP TRIGGER {table}_no_update" + (f" ON {table}" if postgresql else ""))
            if not postgresql:
                cursor.execute(f"DROP TRIGGER {table}_no_replace")
                cursor.execute(f"DROP TRIGGER {table}_as_written")
        yield lambda statement, *values: cursor.execute(statement, values)


def aged(number=1, seconds=600, **columns):
    """Lines that are old enough to be sealed; the newest, or all of several."""
    at = timezone.now() - timedelta(seconds=seconds)
    made = [AuditEvent.objects.create(at=at, action=Action.REFUSED, details={"n": n}, **columns) for n in range(number)]
    return made if number > 1 else made[0]


def verified(*options):
    """What the command says where all is well."""
    told = []
    call_command("audit_verify", *options, stdout=type("Out", (), {"write": lambda self, text: told.append(text)})())
    return "".join(told)


def found(*options):
    """What the command says where it is not; it ends with exit code 1."""
    with pytest.raises(CommandError) as trouble:
        call_command("audit_verify", *options)
    assert trouble.value.returncode == 1
    return str(trouble.value)


# --- All is well ---


def test_an_empty_audit_is_as_it_was_written(db):
    assert "0 lines and 0 seals checked" in verified()


def test_real_lines_hold_whatever_they_hold(kim, admin):
    kim.sign_in()
    kim.set_up_app()
    odd = {"list": [1, 2.5, None, True], "text": "ü\u2028\"'\\", "nested": {"b": 1, "a": ["x"]}, "lazy": Action.PROVED}
    for address in ("192.0.2.7", "2001:db8::1", "::ffff:192.0.2.1", "::1", "FE80::1", None):
        with recording.origin(address, "Firefox — „x“ \t"):
            record(Action.REFUSED, actor=admin, subject=kim.user, **odd)

    assert "checked" in verified()
    assert all(line.holds() for line in AuditEvent.objects.all())


def test_a_clean_audit_says_how_much_was_checked_and_seals_the_rest(db):
    aged(5)
    aged(seconds=5)

    assert "6 lines and 0 seals checked, 6 lines without a seal, 5 of them sealed now" in verified()
    assert "6 lines and 1 seals checked, 1 lines without a seal, 0 of them sealed now" in verified()


def test_lines_of_transactions_that_were_rolled_back_are_not_missed(db):
    """PostgreSQL's sequences go on; here the id is skipped by hand, so that it is so everywhere."""
    first = aged()
    AuditEvent.objects.create(pk=first.pk + 5, at=first.at, action=Action.REFUSED)
    seal_settled()

    assert AuditSeal.objects.get().ids == [[first.pk, first.pk], [first.pk + 5, first.pk + 5]]
    assert "2 lines and 1 seals" in verified()


def test_a_line_that_committed_late_is_taken_into_the_next_seal(db):
    first = aged()
    AuditEvent.objects.create(pk=first.pk + 5, at=first.at, action=Action.REFUSED)
    seal_settled()
    AuditEvent.objects.create(pk=first.pk + 2, at=first.at, action=Action.PROVED)

    assert "1 lines without a seal, 1 of them sealed now" in verified()
    assert "3 lines and 2 seals checked, 0 lines without a seal" in verified()


def test_many_lines_are_sealed_in_batches_and_chained(db, monkeypatch):
    monkeypatch.setattr(seals, "MOST", 10)
    aged(25)

    assert seal_settled() == 25
    assert list(AuditSeal.objects.values_list("number", "count")) == [(1, 10), (2, 10), (3, 5)]
    assert "25 lines and 3 seals" in verified()


def test_it_is_clean_after_a_change_of_keys_while_the_old_one_is_listed(db, settings):
    aged(3)
    seal_settled()
    fresh = "k9:" + urlsafe_b64encode(token_bytes(32)).decode()
    settings.MFA_ENCRYPTION_KEYS = [fresh, *settings.MFA_ENCRYPTION_KEYS]
    newer = aged(2)
    seal_settled()

    assert newer[0].mac.startswith("k9:")
    assert "5 lines and 2 seals" in verified()
    settings.MFA_ENCRYPTION_KEYS = [fresh]
    assert "made with the key" in found()


def test_a_key_for_one_purpose_says_nothing_about_another(settings):
    derived = keys.derived("one")

    assert derived.keys() == keys.keys().keys()
    assert derived != keys.derived("another")
    assert not set(derived.values()) & set(keys.keys().values())


# --- When seals are made ---


def test_a_batch_is_sealed_after_a_commit_once_in_256_lines(db, django_capture_on_commit_callbacks):
    old = aged()
    AuditEvent.objects.create(pk=(old.pk // 256 + 1) * 256 - 2, at=old.at, action=Action.REFUSED)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), %s)", [TABLE, old.pk // 256 * 256 + 254])
    with django_capture_on_commit_callbacks(execute=True):
        record(Action.REFUSED, actor=None)
    assert not AuditSeal.objects.exists()
    with django_capture_on_commit_callbacks(execute=True):
        assert record(Action.REFUSED, actor=None).pk % 256 == 0

    assert AuditSeal.objects.get().count == 2, "the young ones wait"


@pytest.mark.django_db(transaction=True)
def test_a_seal_that_cannot_be_made_fails_no_login(kim, monkeypatch, caplog):
    def broken() -> None:
        raise RuntimeError

    monkeypatch.setattr(recording, "EVERY", 1)
    monkeypatch.setattr(recording, "seal_batch", broken)

    assert kim.sign_in().status_code == 302
    assert kim.is_in
    assert AuditEvent.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_of_many_that_seal_at_once_one_does_and_none_fails(transactional_db):
    aged(20)

    sealed = in_parallel([seal_batch] * 8)

    assert max(sealed) == 20
    assert sum(sealed) == 20
    assert AuditSeal.objects.count() == 1
    assert "20 lines and 1 seals" in verified()


@pytest.mark.django_db(transaction=True)
def test_two_who_write_at_once_leave_an_audit_that_holds(transactional_db):
    def write() -> int:
        with transaction.atomic():
            record(Action.REFUSED, actor=None)
        return seal_batch()

    in_parallel([write] * 8)

    assert "8 lines" in verified()


@pytest.mark.parametrize(
    ("ids", "runs"),
    [([], []), ([1], [[1, 1]]), ([1, 2, 3], [[1, 3]]), ([1, 3, 4, 9], [[1, 1], [3, 4], [9, 9]])],
)
def test_ids_are_kept_as_runs(ids, runs):
    assert ranges(ids) == runs


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


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
@pytest.mark.parametrize("column", CHANGES)
def test_a_changed_column_is_found_and_its_line_named(column, sealed, sql, kim):
    full = {"actor": kim.user, "subject": kim.user, "company": kim.user.company, "address": "192.0.2.1", "browser": "x"}
    lines = aged(4, **full)
    if sealed:
        seal_settled()
    assert "4 lines" in verified()

    sql(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", CHANGES[column], lines[2].pk)

    told = found()
    assert told.startswith(f"Line {lines[2].pk} of ")
    assert "was changed, or slipped in" in told


def test_the_first_of_several_is_named(sql):
    lines = aged(5)
    for line in (lines[3], lines[1]):
        sql(f"UPDATE {TABLE} SET browser = 'x' WHERE id = %s", line.pk)

    assert found().startswith(f"Line {lines[1].pk} ")


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL keeps such values out of its columns")
@pytest.mark.parametrize(
    ("column", "value"), [("details", "7"), ("at", "yesterday"), ("at", "2026-99-99"), ("address", "nowhere")]
)
def test_a_column_that_cannot_be_read_is_found_too(column, value, sql):
    lines = aged(3)
    sql(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", value, lines[1].pk)

    assert found().startswith(f"Line {lines[1].pk} ")


@pytest.mark.parametrize("which", [0, 3, 9], ids=["first", "in the middle", "last"])
def test_a_removed_line_of_a_sealed_batch_is_named(which, sql):
    lines = aged(10)
    seal_settled()

    sql(f"DELETE FROM {TABLE} WHERE id = %s", lines[which].pk)

    told = found()
    assert told.startswith(f"Line {lines[which].pk} was removed")
    assert "seal 1" in told


def test_a_line_with_no_code_a_forged_one_or_one_of_another_key_is_named(sql):
    kept = aged(3)
    mac = kept[0].mac
    forged = mac[:-4] + ("AAAA" if not mac.endswith("AAAA") else "BBBB")
    for code in ("", "x", "::", "k9:" + mac.partition(":")[2], forged, "é:ü:ö"):
        with transaction.atomic():
            sql(
                f"INSERT INTO {TABLE} (id, at, action, browser, details, mac) VALUES (%s, %s, 'signed_in', '', '{{}}', %s)",
                kept[-1].pk + 10, kept[-1].at, code,
            )  # fmt: skip
            assert found().startswith(f"Line {kept[-1].pk + 10} "), code
            transaction.set_rollback(True)
    assert "3 lines" in verified()


def test_a_copied_line_is_refused_by_the_database_and_named_without_its_constraint(sql):
    lines = aged(2)
    columns = "at, action, actor_id, subject_id, company_id, address, browser, details, mac"
    copy = f"INSERT INTO {TABLE} (id, {columns}) SELECT %s, {columns} FROM {TABLE} WHERE id = %s"
    with pytest.raises(IntegrityError, match=r"(?i)unique"), transaction.atomic():
        sql(copy, lines[-1].pk + 7, lines[0].pk)

    if connection.vendor == "postgresql":  # SQLite alters no constraint
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(f"ALTER TABLE {TABLE} DROP CONSTRAINT no_line_is_a_copy")
        sql(copy, lines[-1].pk + 7, lines[0].pk)
        assert found().startswith(f"Line {lines[-1].pk + 7} was slipped in: it is a copy")


def test_lines_that_changed_places_are_found(sql):
    lines = aged(4)
    seal_settled()
    first, second, nowhere = lines[1].pk, lines[2].pk, lines[-1].pk + 100
    for there, here in ((nowhere, first), (first, second), (second, nowhere)):
        sql(f"UPDATE {TABLE} SET id = %s WHERE id = %s", there, here)

    assert found().startswith(f"Lines {lines[0].pk} to {lines[-1].pk} are not those")


# --- Seals ---


@pytest.fixture
def three_seals(sql):
    """Six lines under three seals."""
    for _ in range(3):
        aged(2)
        seal_settled()
    return sql


@pytest.mark.parametrize("number", [1, 2])
def test_a_removed_seal_is_named(number, three_seals):
    three_seals("DELETE FROM accounts_auditseal WHERE number = %s", number)

    assert found().startswith(f"Seal {number}, over line ")


@pytest.mark.parametrize(
    ("column", "value"),
    [("last", 999_999), ("count", 1), ("ids", "[[1, 999999]]"), ("digest", "0" * 64), ("mac", "k1:x:y")],
)
def test_a_changed_seal_is_named(column, value, three_seals):
    three_seals(f"UPDATE accounts_auditseal SET {column} = %s WHERE number = 2", value)

    assert found().startswith("Seal 2 was ")


def test_the_youngest_lines_and_seals_together_are_missed_only_with_a_seal_of_the_log(three_seals):
    """What the docstring says cannot be seen; the log's seal shows it."""
    last = AuditSeal.objects.get(number=3)
    logged = f"3:{last.digest}"
    assert "3 seals" in verified("--seal", logged)
    three_seals("DELETE FROM accounts_auditseal WHERE number = 3")
    three_seals(f"DELETE FROM {TABLE} WHERE id >= %s", last.first)

    assert "4 lines and 2 seals" in verified()
    assert found("--seal", logged).startswith("Seal 3:")
    assert found("--seal", "2:" + "0" * 64)


# --- No way through the application ---


@pytest.mark.row("ASVS-16.4.2")
def test_the_application_has_no_way_to_change_or_delete_a_line(kim):
    line = aged(subject=kim.user)
    seal_settled()
    for row in (line, AuditSeal.objects.get()):
        table = type(row).objects
        for act in (
            row.save,
            row.delete,
            lambda table=table: table.all().delete(),
            lambda table=table: table.filter(pk=0).update(mac="x"),
            lambda table=table, row=row: table.bulk_update([row], ["mac"]),
            lambda table=table: table.update_or_create(pk=1),
            lambda table=table, row=row: table.bulk_create(
                [row], update_conflicts=True, update_fields=["mac"], unique_fields=["pk"]
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


def test_what_a_code_covers_is_the_same_before_and_after_the_database():
    assert macs.canonical({"b": 1, "a": "ü"}) == b'{"a":"\\u00fc","b":1}'
    assert macs.network_address("2001:DB8:0::1") == macs.network_address("2001:db8::1")
    assert macs.network_address("") is macs.network_address(None) is None


# --- What the product would never write ---


SQLITE_ONLY = pytest.mark.skipif(
    "connection.vendor != 'sqlite'", reason="PostgreSQL's types have one spelling for each value, and no REPLACE"
)
COLUMNS = "at, action, actor_id, subject_id, company_id, address, browser, details, mac"


def respelt(column, kim):
    """A line about Kim, and another spelling of one of its values that reads the same."""
    line = aged(subject=kim.user, actor=kim.user)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT CAST({column} AS TEXT) FROM {TABLE} WHERE id = %s", [line.pk])
        stored = cursor.fetchone()[0]
    return line, {
        "subject_id": stored.upper(),
        "actor_id": f"{stored[:8]}-{stored[8:]}",
        "at": stored.replace(" ", "T"),
        "details": '{"n": 1, ' + stored[1:],
    }[column]


@pytest.mark.parametrize("number", [0, -1, -(2**40)])
@pytest.mark.parametrize(("table", "key"), [(TABLE, "id"), ("accounts_auditseal", "number")])
def test_the_database_takes_no_row_numbered_below_1(table, key, number, db):
    aged()
    seal_settled()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [name for name, *_ in cursor.description if name not in (key, "mac")]
        others = ", ".join(names)
        with pytest.raises(IntegrityError), transaction.atomic():
            cursor.execute(
                f"INSERT INTO {table} ({key}, mac, {others}) SELECT %s, 'x', {others} FROM {table}", [number]
            )


def test_a_line_below_1_is_found_where_somebody_took_the_constraint_away(sql):
    line = aged()
    if connection.vendor == "sqlite":
        sql("PRAGMA ignore_check_constraints = ON")
    else:
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        sql(f"ALTER TABLE {TABLE} DROP CONSTRAINT lines_are_numbered_from_1")
    try:
        sql(f"INSERT INTO {TABLE} (id, {COLUMNS}) SELECT -7, {COLUMNS.replace('mac', "'x:y:z'")} FROM {TABLE}")
    finally:
        if connection.vendor == "sqlite":
            sql("PRAGMA ignore_check_constraints = OFF")

    assert line.pk > 0
    assert "Line -7" in found()


@SQLITE_ONLY
@pytest.mark.parametrize("column", ["subject_id", "actor_id", "at", "details"])
def test_another_spelling_of_a_value_is_refused(column, db, kim):
    line, spelling = respelt(column, kim)
    values = COLUMNS.replace(column, "%s").replace("mac", "'x:y:z'")

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="not as the product writes"):
        cursor.execute(
            f"INSERT INTO {TABLE} ({COLUMNS}) SELECT {values} FROM {TABLE} WHERE id = %s", [spelling, line.pk]
        )


@SQLITE_ONLY
@pytest.mark.parametrize("column", ["subject_id", "actor_id", "at", "details"])
def test_another_spelling_of_a_value_is_found_where_somebody_took_the_triggers_away(column, sql, kim):
    line, spelling = respelt(column, kim)
    before = getattr(line, column)
    sql(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", spelling, line.pk)

    assert f"Line {line.pk}" in found()
    if column.endswith("_id"):  # the foreign keys are looked at when the test ends
        sql(f"UPDATE {TABLE} SET {column} = %s WHERE id = %s", before.hex, line.pk)


@SQLITE_ONLY
@pytest.mark.parametrize("statement", ["REPLACE INTO", "INSERT OR REPLACE INTO", "INSERT OR IGNORE INTO"])
@pytest.mark.parametrize("shared", ["id", "mac"])
def test_a_line_is_not_replaced(statement, shared, db):
    line = aged()
    new = {"id": (str(line.pk), "'x:y:z'"), "mac": ("NULL", "mac")}[shared]
    values = COLUMNS.replace("action", "'signed_out'").replace("mac", new[1])

    with connection.cursor() as cursor, pytest.raises(IntegrityError, match="written once"), transaction.atomic():
        cursor.execute(f"{statement} {TABLE} (id, {COLUMNS}) SELECT {new[0]}, {values} FROM {TABLE}")

    assert AuditEvent.objects.get().action == line.action
