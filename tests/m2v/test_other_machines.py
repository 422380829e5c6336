"""Two machines with different keys are noticed, and a change of keys keeps nobody out."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from platform import node
from secrets import token_bytes, token_urlsafe

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import SigningKey
from accounts.signing_keys import fingerprint, say_what_signs
from audit.recording import record
from audit.sealing import keys
from audit.sealing.checkpoints import seal_lines
from audit.vocabulary import Action
from m2v import nightly, start
from m2v.other_machines import differences

OLD, NEW = token_urlsafe(64), token_urlsafe(64)


@pytest.fixture
def machine(settings):
    """Be a machine with these keys: the first signs, the others are accepted."""

    def with_keys(first, *others):
        settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = first, list(others)

    return with_keys


def found():
    return [each.id for each in differences()]


def test_a_machine_that_signs_otherwise_is_noticed_by_the_other(db, machine):
    machine(OLD)
    say_what_signs()
    assert found() == []

    machine(NEW)
    assert found() == ["m2v.E015"]
    said = next(differences())
    assert said.said.startswith(f"{node()} signs with another SECRET_KEY than this machine")
    assert "SECRET_KEY_FALLBACKS" in said.hint
    say_what_signs()
    machine(OLD)
    assert found() == ["m2v.E015"]


def test_a_key_is_changed_machine_by_machine_and_nobody_minds(db, machine):
    """As docs/operations.md says it: accepted everywhere first, then in front, then alone."""
    for first, second in (((OLD,), (OLD, NEW)), ((OLD, NEW), (NEW, OLD)), ((NEW, OLD), (NEW,))):
        for keys_there in (first, second, first):
            machine(*keys_there)
            assert found() == []
            say_what_signs()
        machine(*second)
        say_what_signs()  # the last of them
        SigningKey.objects.exclude(fingerprint=fingerprint(second[0])).update(seen_at=long_ago())


def long_ago():
    return timezone.now() - timedelta(hours=3)


def test_a_key_that_is_in_use_no_longer_is_forgotten(db, machine, time_machine):
    time_machine.move_to("2026-05-04 09:00:00+00:00", tick=False)
    machine(OLD)
    say_what_signs()
    machine(NEW)
    time_machine.shift(timedelta(hours=2, seconds=1))

    assert found() == []
    nightly.say_again_what_is_used()
    assert list(SigningKey.objects.values_list("fingerprint", "machine", "seen_at")) == [
        (fingerprint(NEW), node(), timezone.now())
    ]


def test_the_database_cannot_tell_the_key(db, machine):
    machine(OLD)
    say_what_signs()

    (kept,) = SigningKey.objects.values_list("fingerprint", flat=True)
    assert len(kept) == 64
    assert kept not in OLD
    assert kept != fingerprint(NEW)


def test_it_is_said_at_the_start_which_goes_on(db, machine, settings, caplog, monkeypatch):
    monkeypatch.setattr(start.connections, "close_all", lambda: None)
    settings.CHECK_KEYS_AT_START = True
    machine(OLD)
    start.see_keys()
    assert "SECRET_KEY" not in caplog.text

    machine(NEW)
    start.see_keys()

    assert "signs with another SECRET_KEY than this machine" in caplog.text
    assert SigningKey.objects.count() == 2


def test_the_doctor_says_it_and_ends_with_1(admin, machine):
    machine(OLD)
    say_what_signs()
    machine(NEW)

    with pytest.raises(CommandError, match="signs with another SECRET_KEY than this machine"):
        call_command("doctor")
    assert SigningKey.objects.count() == 1, "it changes nothing"


@pytest.mark.parametrize("listed", [False, True])
def test_another_key_of_the_audit_is_noticed_unless_it_is_listed(listed, admin, settings):
    record(Action.SIGNED_OUT, actor=admin, subject=admin)
    assert seal_lines()
    before = keys.public_key()
    assert found() == []

    settings.AUDIT_SIGNING_KEY = urlsafe_b64encode(token_bytes(32)).decode()
    settings.AUDIT_PUBLIC_KEYS = [before] if listed else []

    assert found() == ([] if listed else ["m2v.E016"])
