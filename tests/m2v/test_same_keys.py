"""Machines that encrypt with different keys are noticed before anything is encrypted: the second does not start, and says why."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from platform import node
from secrets import token_bytes

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection, connections
from django.utils import timezone
from pyrage import x25519

from accounts.keys import as_keys
from accounts.keys_in_use import agree, encryption_keys_fit, fingerprint
from accounts.models import KeyInUse
from audit.sealing.keys import public_key
from m2v import nightly, start
from m2v.backups.age import Trouble
from m2v.backups.making import back_up
from m2v.other_machines import differences
from tests.mfa.conftest import a_key

ROOT = Path(__file__).resolve().parents[2]
OLD, NEW, OTHER = a_key("k1"), a_key("k2"), a_key("k1")


@pytest.fixture
def starts(keys, settings, monkeypatch):
    """Start a machine with these keys."""
    monkeypatch.setattr(start.connections, "close_all", lambda: None)
    settings.CHECK_KEYS_AT_START = True

    def machine(*listed):
        keys(*listed)
        start.fit = start.Fit()
        monkeypatch.setattr(start, "fit", start.fit)
        start.see_keys()

    return machine


def forget_after_hours():
    KeyInUse.objects.exclude(setting="turn").update(
        seen_at=timezone.now() - timedelta(hours=3), used_at=timezone.now() - timedelta(hours=3)
    )


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([OLD], [OTHER], "The key with the id “k1” in MFA_ENCRYPTION_KEYS is another one than that of"),
        ([OLD], [NEW], "MFA_ENCRYPTION_KEYS has no key with the id “k1”, with which"),
        ([OLD, NEW], [OLD, a_key("k2")], "The key with the id “k2” in MFA_ENCRYPTION_KEYS is another one"),
    ],
    ids=["same id", "another id", "one that is prepared"],
)
def test_the_second_machine_does_not_start_with_another_key_though_nobody_has_enrolled(db, starts, first, second, said):
    starts(*first)

    with pytest.raises(ImproperlyConfigured, match=said) as refused:
        starts(*second)

    assert node() in str(refused.value)
    assert "the same keys on every machine" in str(refused.value)
    assert not start.fit.seen()
    starts(*first)


def test_what_was_refused_says_nothing_that_keeps_others_out(db, starts):
    starts(OLD)
    with pytest.raises(ImproperlyConfigured):
        starts(OTHER, NEW)

    assert set(KeyInUse.objects.filter(setting="MFA_ENCRYPTION_KEYS").values_list("name", flat=True)) == {"k1"}
    starts(OLD)


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_key_is_changed_machine_by_machine_in_any_order_and_any_may_start_again_meanwhile(db, starts, order):
    """As docs/operations.md says it: behind the old one everywhere, then in front, then alone."""
    stages = [(OLD,), (OLD, NEW), (NEW, OLD), (NEW,)]
    machines = [stages[0]] * 3
    for machine in machines:
        starts(*machine)
    for stage in stages[1:]:
        if stage == (NEW,):
            call_command("rotate_mfa_keys")
        for number in order:
            machines[number] = stage
            for machine in (machines[number], *machines):
                starts(*machine)

    assert set(KeyInUse.objects.exclude(used_at=None).values_list("name", flat=True)) >= {"k2"}


def test_the_old_key_is_not_left_out_while_another_machine_encrypts_with_it(db, starts):
    starts(NEW, OLD)
    starts(OLD, NEW)

    with pytest.raises(ImproperlyConfigured, match="no key with the id “k1”"):
        starts(NEW)


def test_a_key_that_no_machine_uses_any_more_is_forgotten_after_two_hours(db, starts):
    starts(OLD)
    forget_after_hours()
    starts(OTHER)

    with pytest.raises(ImproperlyConfigured):
        starts(OLD)


def test_or_at_once_by_the_command_that_the_refusal_names(db, starts):
    starts(OLD)
    with pytest.raises(ImproperlyConfigured, match="rotate_mfa_keys"):
        starts(OTHER)

    call_command("rotate_mfa_keys")

    starts(OTHER)


def test_not_while_something_is_sealed_with_it(make_person, starts):
    starts(OLD)
    make_person("kim").set_up_app()
    with pytest.raises(ImproperlyConfigured):
        starts(OTHER)

    with pytest.raises(SystemExit):
        call_command("rotate_mfa_keys")

    with pytest.raises(ImproperlyConfigured):
        starts(OTHER)
    starts(OLD)


def test_a_machine_that_runs_is_told_every_hour_and_does_not_end(db, starts, keys, caplog):
    starts(OLD)
    keys(OTHER)
    call_command("rotate_mfa_keys")
    agree()
    keys(OLD)

    nightly.say_again_what_is_used()

    assert "The key with the id “k1” in MFA_ENCRYPTION_KEYS is another one" in caplog.text


def test_the_doctor_says_it_and_changes_nothing(admin, starts, keys):
    starts(OLD)
    before = list(KeyInUse.objects.order_by("pk").values())
    keys(OTHER)

    with pytest.raises(CommandError, match="MFA_ENCRYPTION_KEYS is another one than that of"):
        call_command("doctor")

    assert list(KeyInUse.objects.order_by("pk").values()) == before


def test_the_database_cannot_tell_the_keys(db, starts):
    starts(OLD, NEW)

    kept = str(list(KeyInUse.objects.values()))
    for name, raw in as_keys((OLD, NEW)).items():
        assert fingerprint(name, raw) in kept
        assert raw.hex() not in kept
        assert urlsafe_b64encode(raw).decode() not in kept
        assert fingerprint(name, raw) != fingerprint("other", raw)


def test_a_backup_is_not_made_with_keys_that_others_do_not_have(admin, starts, keys, tmp_path):
    recipient = str(x25519.Identity.generate().to_public())
    starts(OLD)
    keys(OTHER)

    with pytest.raises(Trouble, match="MFA_ENCRYPTION_KEYS is another one than that of"):
        back_up(tmp_path, to=[recipient], keys_to=[recipient])


def test_another_key_of_the_audit_is_noticed_before_it_has_sealed_anything(db, starts, settings):
    starts(OLD)
    before = public_key()
    settings.AUDIT_SIGNING_KEY = urlsafe_b64encode(token_bytes(32)).decode()

    [found] = differences()
    assert found.id == "m2v.E016"
    assert before in found.said + found.hint
    settings.AUDIT_PUBLIC_KEYS = [before]
    assert list(differences()) == []


@pytest.mark.django_db(transaction=True)
def test_of_many_that_start_at_once_with_different_keys_those_of_one_key_do(starts, keys, monkeypatch):
    listed = {f"k{number}": as_keys((a_key(f"k{number}"),)) for number in range(6)}
    mine = threading.local()
    monkeypatch.setattr("accounts.keys_in_use.keys", lambda: listed[mine.name])
    began, refused = threading.Barrier(6), []

    def machine(name):
        mine.name = name
        began.wait()
        try:
            agree()
        except ImproperlyConfigured:
            refused.append(name)
        finally:
            connections["default"].close()

    threads = [threading.Thread(target=machine, args=(name,)) for name in listed]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(refused) == 5
    assert KeyInUse.objects.filter(setting="MFA_ENCRYPTION_KEYS").count() == 1
    connection.close()


def test_a_database_without_the_table_has_nothing_to_say(db, starts, keys):
    starts(OLD)
    keys(OTHER)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_keyinuse RENAME TO away_keyinuse")
        encryption_keys_fit()
        cursor.execute("ALTER TABLE away_keyinuse RENAME TO accounts_keyinuse")


SERVER = {"DATABASE_URL": "postgres://m2v:x@127.0.0.1:1/m2v", "BASE_URL": "https://m2v.example.com"}
GIVEN = {
    "SECRET_KEY": "0123456789" * 6,
    "MFA_ENCRYPTION_KEYS": OLD,
    "AUDIT_SIGNING_KEY": urlsafe_b64encode(token_bytes(32)).decode(),
}


def run(folder, *arguments, **variables):
    environment = {"PATH": os.defpath, "DATA_DIR": str(folder)} | variables
    return subprocess.run(
        [sys.executable, "manage.py", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("command", "missing"),
    [
        *(("upgrade", name) for name in GIVEN),
        *((command, "all") for command in ("upgrade", "init-admin", "serve", "work", "doctor")),
    ],
)
def test_on_a_database_server_no_machine_makes_keys_for_itself(command, missing, tmp_path):
    given = {name: text for name, text in GIVEN.items() if missing not in {name, "all"}}

    done = run(tmp_path, command, **SERVER, **given)

    assert done.returncode
    said = done.stdout + done.stderr
    for name in GIVEN:
        assert (f"{name}" in said) is (name not in given)
    assert "the same on every machine" in said
    assert str(tmp_path) in said


@pytest.mark.parametrize(
    "variables",
    [SERVER | GIVEN, SERVER | {"BASE_URL": "http://localhost:8000"}],
    ids=["with keys", "tried out, at localhost"],
)
def test_a_server_with_keys_is_asked_and_so_is_one_that_is_tried_out(variables, tmp_path):
    done = run(tmp_path, "upgrade", **variables)

    assert "The database cannot be used now" in done.stderr


def test_the_embedded_default_makes_its_keys(tmp_path):
    done = run(tmp_path, "upgrade", BASE_URL="https://m2v.example.com")

    assert done.returncode == 0, done.stderr
