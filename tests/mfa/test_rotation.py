"""Changing the encryption keys while the site runs, and starting with the wrong ones."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import OwedMail
from accounts.sealing import Purpose, names_its_purpose, seal, unseal
from audit.sealing.proof import verify
from m2v import start
from mfa import rotation
from mfa.models import AuthenticatorApp, RecoveryCode
from mfa.rotation import check_keys, rotate
from tests.mfa.conftest import a_key, sealed_for_the_owner_alone

OLD, NEW, OTHER = a_key("2025"), a_key("2026"), a_key("k")


@pytest.fixture
def keys(keys):
    keys(OLD)
    return keys


@pytest.fixture
def people(keys, make_person):
    """Three people with apps and codes, sealed under the old key."""
    found = [make_person(name) for name in ("kim", "lee", "mia")]
    for person in found:
        person.set_up_app()
    OwedMail.objects.all().delete()  # which is sealed too (tests/accounts/test_owed.py)
    return found


def run(**options):
    out, err = StringIO(), StringIO()
    code = 0
    try:
        call_command("rotate_mfa_keys", stdout=out, stderr=err, **options)
    except SystemExit as end:
        code = end.code
    return out.getvalue(), err.getvalue(), code


def rows():
    apps = AuthenticatorApp.objects.values_list("user_id", "key")
    codes = RecoveryCode.objects.values_list("user_id", "sealed_digest")
    found = ((Purpose.APP, apps), (Purpose.RECOVERY_CODE, codes))
    return [(owner, purpose, bytes(sealed)) for purpose, these in found for owner, sealed in these]


def secrets():
    return sorted((str(owner), unseal(sealed, owner, purpose)) for owner, purpose, sealed in rows())


@pytest.mark.row("ASVS-11.1.1")
def test_everything_comes_under_the_first_key_and_still_opens(people, keys):
    before = secrets()
    keys(NEW, OLD)

    out, err, code = run()

    assert (err, code) == ("", 0)
    assert "mfa_authenticatorapp: 3 sealed under 2026." in out
    assert "mfa_recoverycode: 30 sealed under 2026." in out
    assert "Keys that can be removed now: 2025." in out
    keys(NEW)
    verify()
    assert secrets() == before
    people[0].enter_password()
    assert people[0].enter_code().headers["Location"] == "/"


def test_what_was_sealed_for_its_owner_alone_signs_in_and_is_sealed_for_its_purpose_by_the_command(people, keys):
    """As everything was sealed at first: no factor is lost on the way, and the same key stays."""
    before = secrets()
    for model, column, purpose, _owner in rotation.SEALED[:2]:  # mail was never sealed so
        for row in model.objects.all():
            secret = unseal(getattr(row, column), row.user_id, purpose)
            model.objects.filter(pk=row.pk).update(**{column: sealed_for_the_owner_alone(secret, row.user_id)})
    kim, lee, mia = people
    check_keys()
    assert kim.sign_in().headers["Location"] == "/"
    lee.enter_password()
    assert lee.enter_code(lee.codes[0]).headers["Location"] == "/"

    out, err, code = run()

    assert (err, code) == ("", 0)
    assert "mfa_authenticatorapp: 3 sealed under 2025." in out
    assert "mfa_recoverycode: 30 sealed under 2025." in out
    assert secrets() == before
    assert all(names_its_purpose(sealed, owner, purpose) for owner, purpose, sealed in rows())
    assert "Nothing was to be done" in run()[0]
    mia.enter_password()
    assert mia.enter_code(mia.codes[0]).headers["Location"] == "/"


def test_run_again_it_finds_nothing_to_do(people, keys):
    keys(NEW, OLD)
    run()
    before = rows()

    out, _err, code = run()

    assert code == 0
    assert "Nothing was to be done: everything readable is under 2026." in out
    assert rows() == before


def test_it_goes_on_where_it_was_stopped(people, keys, monkeypatch):
    keys(NEW, OLD)
    monkeypatch.setattr(rotation, "BATCH", 2)
    real, calls = rotation.seal, []

    def stopped(*args):
        calls.append(1)
        if len(calls) > 10:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(rotation, "seal", stopped)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    monkeypatch.setattr(rotation, "seal", real)

    assert rotate().done.total() == 33 - 10
    assert {sealed[1:5] for _owner, _purpose, sealed in rows()} == {b"2026"}


def test_a_row_that_changed_meanwhile_is_not_overwritten(people, keys, monkeypatch):
    """Kim sets up another app between the read and the write."""
    keys(NEW, OLD)
    kim, real = people[0].user, rotation.seal
    fresh = real(b"another secret of 20", kim.pk, Purpose.APP)

    def meanwhile(secret, owner, purpose):
        AuthenticatorApp.objects.filter(user=kim).update(key=fresh)
        return real(secret, owner, purpose)

    monkeypatch.setattr(rotation, "seal", meanwhile)
    rotate()

    assert bytes(AuthenticatorApp.objects.get(user=kim).key) == fresh


def test_what_nobody_can_read_is_named_and_counted_and_nothing_of_it_shown(people, keys):
    app = AuthenticatorApp.objects.get(user=people[0].user)
    broken = bytes(app.key)[:-1] + bytes([bytes(app.key)[-1] ^ 1])
    AuthenticatorApp.objects.filter(pk=app.pk).update(key=broken)
    empty = RecoveryCode.objects.first()
    RecoveryCode.objects.filter(pk=empty.pk).update(sealed_digest=b"")
    keys(NEW, OLD)

    out, err, code = run()

    assert code == 1
    assert f"Cannot be read: mfa_authenticatorapp {app.pk}\n" in err
    assert f"Cannot be read: mfa_recoverycode {empty.pk}\n" in err
    assert "2 cannot be read with any key that is here." in err
    assert "mfa_authenticatorapp: 2 sealed under 2026." in out
    assert "Keys that can be removed now: none." in out
    assert broken.hex() not in out + err
    assert bytes(AuthenticatorApp.objects.get(pk=app.pk).key) == broken


def test_a_key_that_something_needs_still_is_not_free(people, keys):
    RecoveryCode.objects.filter(user=people[0].user).update(sealed_digest=b"\x042025" + bytes(60))
    keys(NEW, OTHER, OLD)

    assert rotate().free == ["k"]


def test_a_lost_key_is_an_error_at_the_start_which_names_it(people, keys):
    keys(NEW)

    with pytest.raises(ImproperlyConfigured, match="no key with the id “2025”"):
        check_keys()


def test_another_key_of_the_same_id_is_an_error_too(people, keys):
    """As where DATA_DIR was lost and a fresh key was made."""
    keys(a_key("2025"))

    with pytest.raises(ImproperlyConfigured, match=r"The key with the id “2025” .* is not the one"):
        check_keys()


def test_one_broken_row_does_not_keep_the_site_from_starting(people, keys):
    first = AuthenticatorApp.objects.order_by("pk").first()
    AuthenticatorApp.objects.filter(pk=first.pk).update(key=b"\x042025" + bytes(60))

    check_keys()


def test_the_start_looks_at_every_key_that_is_in_use(people, keys):
    keys(NEW, OLD)
    person = people[0].user
    AuthenticatorApp.objects.filter(user=person).update(key=seal(b"12345678901234567890", person.pk, Purpose.APP))
    check_keys()
    keys(OLD)

    with pytest.raises(ImproperlyConfigured, match="“2026”"):
        check_keys()


def test_an_empty_database_and_one_without_tables_have_nothing_to_say(db, keys):
    check_keys()
    with connection.cursor() as cursor:
        for model, *_more in rotation.SEALED:
            cursor.execute(f"ALTER TABLE {model._meta.db_table} RENAME TO away_{model._meta.db_table}")
        check_keys()
        for model, *_more in rotation.SEALED:
            cursor.execute(f"ALTER TABLE away_{model._meta.db_table} RENAME TO {model._meta.db_table}")


def test_a_database_that_does_not_answer_is_not_one_that_fits(db, keys):
    def gone(*_args):
        raise OperationalError("The database is gone.")

    with connection.execute_wrapper(gone), pytest.raises(OperationalError):
        check_keys()


def test_djangos_check_says_so_before_a_migration(people, keys):
    def found(**options):
        return [message.id for message in run_checks(**options) if message.id.startswith("mfa.")]

    assert found(databases=["default"]) == []
    keys(NEW)

    assert found(databases=["default"]) == ["mfa.E001"]
    assert found() == []
    with pytest.raises(CommandError, match="no key with the id “2025”"):
        call_command("check", databases=["default"])


@pytest.mark.parametrize("asked", [True, False])
def test_the_server_does_not_start_without_the_keys(asked, people, keys, settings, monkeypatch):
    closed = []
    monkeypatch.setattr(start.connections, "close_all", lambda: closed.append(1))
    settings.CHECK_KEYS_AT_START = asked
    keys(NEW)

    if asked:
        with pytest.raises(ImproperlyConfigured, match="“2025”"):
            start.see_keys()
        assert closed
    else:
        start.see_keys()


@given(st.binary(max_size=6), st.binary(max_size=6))
def test_what_begins_with_something_lies_before_its_next(head, rest):
    after = rotation._next(head)

    assert after is None or (head + rest < after) or head == b""
    assert after is None or after > head


@pytest.mark.parametrize("odd", [b"", b"\xff", b"\xff" * 300, b"\x00", b"\x01", b"\x7fshort"])
def test_what_was_never_sealed_is_looked_past(odd, people, keys):
    AuthenticatorApp.objects.filter(user=people[0].user).update(key=odd)
    keys(NEW, OLD)
    check_keys()

    assert len(rotate().unreadable) == 1
    assert {sealed[1:5] for _owner, _purpose, sealed in rows() if sealed != odd} == {b"2026"}
