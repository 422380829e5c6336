"""RFC 6238 and RFC 4226, row by row. The whole tables of their examples are in tests/mfa/test_totp.py."""

from __future__ import annotations

from time import time
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from mfa import services
from mfa.methods import totp
from mfa.models import AuthenticatorApp
from mfa.sealing import Purpose, seal
from tests.mfa.pages import CHALLENGE, OWN_SETUP, SETUP, confirm_setup, new_key, open_setup
from tests.people import Person
from tests.security.scenes import is_shut

RFC_KEY = b"12345678901234567890"


@pytest.mark.row("OTP-1")
@pytest.mark.parametrize(("now", "eight"), [(59, "94287082"), (1111111109, "07081804"), (20000000000, "65353130")])
def test_the_examples_of_rfc_6238(now, eight, kim, time_machine):
    time_machine.move_to(now, tick=False)
    assert totp.code_at(RFC_KEY, now) == eight[2:]
    assert totp.check(RFC_KEY, eight[2:], now) == now // 30


@pytest.mark.row("OTP-1")
@pytest.mark.parametrize(("counter", "code"), [(0, "755224"), (1, "287082"), (9, "520489")])
def test_the_examples_of_rfc_4226(counter, code):
    assert totp.code_at(RFC_KEY, counter * 30) == code


@pytest.mark.row("OTP-2")
def test_what_the_provisioning_address_says(kim):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    address = urlsplit(page.uri)

    assert (address.scheme, address.netloc, unquote(address.path)) == ("otpauth", "totp", "/m2v localhost:kim")
    said = parse_qs(address.query)
    assert said.keys() == {"secret", "issuer"}, "SHA-1, six digits and 30 seconds are what apps assume"
    assert said["issuer"] == ["m2v localhost"]
    assert said["secret"] == [totp.key_as_text(page.key)]


@pytest.mark.row("OTP-3")
def test_the_window_is_one_step_either_way(clock, kim_with_app):
    key, now = kim_with_app.app_key, time()
    counts = [
        away for away in range(-12, 13) if totp.matching_step(key, totp.code_at(key, now + 30 * away), now) is not None
    ]

    assert counts == [-1, 0, 1]


@pytest.mark.row("OTP-4")
def test_a_second_use_is_refused(kim_with_app):
    code = kim_with_app.code()
    tries = [Person(kim_with_app.user) for _ in range(2)]
    for one in tries:
        one.enter_password()

    assert [one.enter_code(code).status_code for one in tries] == [302, 400]
    assert is_shut(tries[1])


@pytest.mark.row("OTP-5")
def test_a_secret_has_160_bits(kim):
    kim.sign_in()
    keys = {new_key(kim, OWN_SETUP).key for _ in range(5)}

    assert len(keys) == 5
    assert {len(key) * 8 for key in keys} == {160}


@pytest.mark.row("OTP-7")
@pytest.mark.parametrize("bent", ["152", " +000152", "+000152", "0_0_0_1_5_2", "٠٠٠١٥٢", "152.0", "0000152", "00152"])
def test_six_digits_and_nothing_else(bent, clock, kim_with_app, monkeypatch):
    monkeypatch.setattr(totp, "code_at", lambda key, now: "000152")
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(bent).status_code == 400
    assert is_shut(kim_with_app)
    assert kim_with_app.enter_code("000152").headers["Location"] == "/"


@pytest.mark.row("OTP-8")
def test_an_unconfirmed_secret_opens_nothing_expires_and_is_replaced(clock, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    first = open_setup(kim)
    second = new_key(kim)
    assert first.key != second.key
    assert confirm_setup(kim, first).status_code == 400, "replaced"
    waiting = Person(kim.user, app_key=second.key)
    waiting.enter_password()
    assert waiting.client.post(CHALLENGE, {"code": waiting.code()}).headers["Location"] == SETUP, "not confirmed"

    third = new_key(kim)
    clock.shift(599)
    kim.client.get(CHALLENGE)
    clock.shift(2)
    kim.enter_password()
    assert kim.client.post(SETUP, {"setup": third.id, "code": totp.code_at(third.key, time())}).status_code == 400
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.row("OTP-8")
def test_an_app_that_is_not_confirmed_counts_for_nothing(kim, admin):
    kim.app_key = totp.new_key()
    AuthenticatorApp.objects.create(user=kim.user, key=seal(kim.app_key, kim.user.pk, Purpose.APP), confirmed=False)
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()

    assert kim.enter_code().headers["Location"] == SETUP
    assert is_shut(kim)


@pytest.mark.row("OTP-9")
def test_the_confirming_code_is_used_up(clock, kim):
    kim.sign_in()
    assert confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP).status_code == 302
    code = kim.code()
    kim.client.post("/logout/")
    kim.enter_password()

    assert kim.enter_code(code).status_code == 400
    assert is_shut(kim)
    clock.shift(30)
    assert kim.enter_code().headers["Location"] == "/"
