"""Secrets at rest: nobody but their owner's row opens them, and keys can be changed."""

from __future__ import annotations

from hashlib import sha256

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from accounts.sealing import Purpose, Unreadable, names_its_purpose, seal, unseal
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.mfa.conftest import a_key, sealed_for_the_owner_alone

SECRET = b"12345678901234567890"


def test_what_is_sealed_for_somebody_is_read_for_them():
    assert unseal(seal(SECRET, "kim", Purpose.APP), "kim", Purpose.APP) == SECRET


def test_a_database_may_answer_with_a_memoryview():
    assert unseal(memoryview(seal(SECRET, "kim", Purpose.APP)), "kim", Purpose.APP) == SECRET


def test_what_is_sealed_for_somebody_is_read_for_nobody_else():
    with pytest.raises(Unreadable):
        unseal(seal(SECRET, "kim", Purpose.APP), "ada", Purpose.APP)


@pytest.mark.parametrize("purpose", Purpose)
def test_what_is_sealed_for_one_purpose_is_read_for_no_other(purpose):
    sealed = seal(SECRET, "kim", purpose)
    for other in set(Purpose) - {purpose}:
        with pytest.raises(Unreadable):
            unseal(sealed, "kim", other)

    assert unseal(sealed, "kim", purpose) == SECRET


def test_a_recovery_code_moved_into_the_column_of_an_app_opens_nothing(kim_with_app):
    """Whoever can write to the database, and knows one recovery code, has its digest as the key of an app."""
    moved = RecoveryCode.objects.filter(user=kim_with_app.user).first().sealed_digest
    AuthenticatorApp.objects.update(key=moved)
    kim_with_app.app_key = sha256(kim_with_app.codes[0].replace("-", "").encode()).digest()
    kim_with_app.enter_password()

    assert kim_with_app.enter_code().status_code != 302
    assert not kim_with_app.is_in


def test_what_was_sealed_for_its_owner_alone_is_read_for_nobody_else():
    sealed = sealed_for_the_owner_alone(SECRET, "kim")

    assert unseal(sealed, "kim", Purpose.APP) == SECRET
    assert not names_its_purpose(sealed, "kim", Purpose.APP)
    with pytest.raises(Unreadable):
        unseal(sealed, "ada", Purpose.APP)


@pytest.mark.row("ASVS-11.3.3")
def test_any_changed_bit_makes_it_unreadable():
    sealed = seal(SECRET, "kim", Purpose.APP)
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Unreadable):
            unseal(bytes(changed), "kim", Purpose.APP)


def test_any_end_cut_off_makes_it_unreadable():
    sealed = seal(SECRET, "kim", Purpose.APP)
    for length in range(len(sealed)):
        with pytest.raises(Unreadable):
            unseal(sealed[:length], "kim", Purpose.APP)


@given(st.binary(max_size=80))
def test_nothing_else_is_readable(junk):
    with pytest.raises(Unreadable):
        unseal(junk, "kim", Purpose.APP)


@pytest.mark.row("ASVS-11.3.4")
def test_no_two_sealings_are_alike():
    assert len({seal(SECRET, "kim", Purpose.APP) for _ in range(1000)}) == 1000
    assert len({seal(SECRET, "kim", Purpose.APP)[3:15] for _ in range(1000)}) == 1000


def test_the_secret_does_not_show(kim_with_app):
    assert kim_with_app.app_key not in bytes(AuthenticatorApp.objects.get().key)


@pytest.mark.row("ASVS-11.2.2")
def test_the_first_key_seals_and_every_key_opens(keys):
    old, new = a_key("2025"), a_key("2026")
    keys(old)
    before = seal(SECRET, "kim", Purpose.APP)
    keys(new, old)
    after = seal(SECRET, "kim", Purpose.APP)
    assert (unseal(before, "kim", Purpose.APP), unseal(after, "kim", Purpose.APP)) == (SECRET, SECRET)
    keys(new)

    assert unseal(after, "kim", Purpose.APP) == SECRET
    with pytest.raises(Unreadable, match="MFA_ENCRYPTION_KEYS"):
        unseal(before, "kim", Purpose.APP)


def test_an_app_signs_in_after_the_key_was_changed(kim_with_app, keys, settings):
    keys(a_key("next"), *settings.MFA_ENCRYPTION_KEYS)
    kim_with_app.enter_password()

    assert kim_with_app.enter_code().headers["Location"] == "/"


def test_an_app_whose_key_is_gone_lets_nobody_in(kim_with_app, keys):
    keys(a_key("another"))
    kim_with_app.enter_password()

    assert kim_with_app.enter_code().status_code == 503
    assert not kim_with_app.is_in


@pytest.mark.parametrize(
    "entries",
    [
        [],
        [""],
        ["k1"],
        ["k1:"],
        ["k1:c2hvcnQ="],
        ["k1:not base64, no"],
        ["k1:ü"],
        [":" + "A" * 43 + "="],
        ["ü:" + "A" * 43 + "="],
        ["n" * 256 + ":" + "A" * 43 + "="],
        ["k1:" + "A" * 43 + "=", "k1:" + "B" * 42 + "A="],
        ["k1:" + "A" * 86 + "=="],
    ],
)
def test_the_site_does_not_start_with_what_is_no_key(keys, entries):
    keys(*entries)

    with pytest.raises(ImproperlyConfigured, match="MFA_ENCRYPTION_KEYS"):
        apps.get_app_config("mfa").ready()
