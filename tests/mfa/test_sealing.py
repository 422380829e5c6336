"""Secrets at rest: nobody but their owner's row opens them, and keys can be changed."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from mfa.models import AuthenticatorApp
from mfa.sealing import Unreadable, seal, unseal
from tests.mfa.conftest import a_key

SECRET = b"12345678901234567890"


def test_what_is_sealed_for_somebody_is_read_for_them():
    assert unseal(seal(SECRET, "kim"), "kim") == SECRET


def test_a_database_may_answer_with_a_memoryview():
    assert unseal(memoryview(seal(SECRET, "kim")), "kim") == SECRET


def test_what_is_sealed_for_somebody_is_read_for_nobody_else():
    with pytest.raises(Unreadable):
        unseal(seal(SECRET, "kim"), "ada")


def test_11_3_3_any_changed_bit_makes_it_unreadable():
    sealed = seal(SECRET, "kim")
    for place in range(len(sealed) * 8):
        changed = bytearray(sealed)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(Unreadable):
            unseal(bytes(changed), "kim")


def test_any_end_cut_off_makes_it_unreadable():
    sealed = seal(SECRET, "kim")
    for length in range(len(sealed)):
        with pytest.raises(Unreadable):
            unseal(sealed[:length], "kim")


@given(st.binary(max_size=80))
def test_nothing_else_is_readable(junk):
    with pytest.raises(Unreadable):
        unseal(junk, "kim")


def test_11_3_4_no_two_sealings_are_alike():
    assert len({seal(SECRET, "kim") for _ in range(1000)}) == 1000
    assert len({seal(SECRET, "kim")[3:15] for _ in range(1000)}) == 1000


def test_the_secret_does_not_show(kim_with_app):
    assert kim_with_app.app_key not in bytes(AuthenticatorApp.objects.get().key)


def test_11_2_2_the_first_key_seals_and_every_key_opens(keys):
    old, new = a_key("2025"), a_key("2026")
    keys(old)
    before = seal(SECRET, "kim")
    keys(new, old)
    after = seal(SECRET, "kim")
    assert (unseal(before, "kim"), unseal(after, "kim")) == (SECRET, SECRET)
    keys(new)

    assert unseal(after, "kim") == SECRET
    with pytest.raises(Unreadable, match="MFA_ENCRYPTION_KEYS"):
        unseal(before, "kim")


def test_an_app_signs_in_after_the_key_was_changed(kim_with_app, keys, settings):
    keys(a_key("next"), *settings.MFA_ENCRYPTION_KEYS)
    kim_with_app.enter_password()

    assert kim_with_app.enter_code().headers["Location"] == "/"


def test_an_app_whose_key_is_gone_lets_nobody_in(kim_with_app, keys):
    keys(a_key("another"))
    kim_with_app.enter_password()

    assert kim_with_app.enter_code().status_code == 400
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
