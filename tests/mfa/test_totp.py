"""The authenticator app: the RFCs' own vectors, which codes count, and that each counts once."""

from __future__ import annotations

from time import time
from urllib.parse import unquote, urlsplit

import pytest

from accounts.models import Budget
from accounts.throttle import budgets, rule
from m2v.logs import JsonFormatter
from mfa import services
from mfa.methods import totp
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.mfa.conftest import a_key
from tests.mfa.pages import (
    CHALLENGE,
    OWN,
    OWN_SETUP,
    SETUP,
    audit_of,
    confirm_setup,
    open_setup,
    refusals_of,
    window_of,
    words,
)
from tests.people import Person

RFC_KEY = b"12345678901234567890"
# RFC 6238, Appendix B, SHA-1: time and the last six of its eight digits.
RFC_6238 = [
    (59, "287082"),
    (1111111109, "081804"),
    (1111111111, "050471"),
    (1234567890, "005924"),
    (2000000000, "279037"),
    (20000000000, "353130"),
]
# RFC 4226, Appendix D: the codes of counters 0 to 9.
RFC_4226 = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"]

WRONG = "This code is not right."
# Dashes U+2010 to U+2015 and the minus sign, spaces, and what does not show: soft hyphen, zero width, marks, isolates.
BETWEEN = [
    "\u30fc",
    "\uff70",
    "\u2500",
    "\u02d7",
    "\u2796",
    *"-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043\ufe58\ufe63\uff0d",
    *"\u00a0\u2009\u202f\u3000\u2028",
    *"\u00ad\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u061c\u202a\u202c\u2066\u2069\ufe0f\u034f\u3164\u2800",
    " \u2013 ",
    "\u2068\u200b\u2069",
]
NO_CODES = ["12345", "1234567", "abcdef", "ABCD-EFGH-JKMN-PQ", "ABCD-EFGH-JKMN-PQRST", "١٢٣٤٥٦", "¹²³⁴⁵⁶", "12³456"]


def full_width(text: str) -> str:
    """`text` as an Asian keyboard writes it."""
    return "".join(chr(ord(letter) + 0xFEE0) for letter in text)


USED = "This code was used already."


def key_with_zeros(now: float) -> bytes:
    """A key whose code of `now` begins with three zeros."""
    for number in range(100_000):
        key = number.to_bytes(totp.KEY_BYTES, "big")
        if totp.code_at(key, now).startswith("000") and totp.code_at(key, now)[3] != "0":
            return key
    raise AssertionError("no key found")


def with_key(person: Person, key: bytes) -> None:
    """The person's app holds `key`, none of whose codes was used."""
    person.app_key = key
    services.set_up_app(person.user, key, last_used_step=-1, actor=person.user)


@pytest.mark.row("OTP-1")
@pytest.mark.parametrize(("now", "code"), RFC_6238)
def test_the_vectors_of_rfc_6238(now, code):
    assert totp.code_at(RFC_KEY, now) == code
    assert totp.matching_step(RFC_KEY, code, now) == now // 30


@pytest.mark.row("N-3.1.4.1-step", "N-3.1.4.1-len", "OTP-1")
@pytest.mark.parametrize(("counter", "code"), enumerate(RFC_4226))
def test_the_vectors_of_rfc_4226(counter, code):
    assert totp.code_at(RFC_KEY, counter * 30) == code
    assert totp.matching_step(RFC_KEY, code, counter * 30 + 29.9) == counter


def test_no_code_of_before_the_epoch_is_tried():
    assert totp.matching_step(RFC_KEY, "000000", 5) is None


@pytest.mark.row("OTP-2")
def test_the_provisioning_address_says_what_an_app_needs_and_leaves_out_what_it_assumes():
    address = urlsplit(totp.provisioning_uri(RFC_KEY, "kim&co@acme.example/ä ?"))

    assert (address.scheme, address.netloc) == ("otpauth", "totp")
    assert unquote(address.path) == "/m2v localhost:kim&co@acme.example/ä ?"
    assert address.query == "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=m2v%20localhost"


@pytest.mark.parametrize("steps", [-20, -11, -10, -3, -2, 2, 3, 10, 11, 20])
def test_a_code_two_steps_away_is_refused(kim_with_app, clock, steps):
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(kim_with_app.code(steps)).status_code == 400
    assert not kim_with_app.is_in


@pytest.mark.row("OTP-3")
@pytest.mark.parametrize("second", [0, 14, 29])
def test_the_window_is_three_steps_at_every_second_of_a_step(kim_with_app, clock, second):
    clock.shift(second - 15)
    key, now = kim_with_app.app_key, time()
    accepted = [
        away for away in range(-15, 16) if totp.matching_step(key, totp.code_at(key, now + 30 * away), now) is not None
    ]

    assert accepted == [-1, 0, 1]


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        (-10, "Your phone’s clock is slow by about 5 minutes. Set it to automatic, then enter the next code."),
        (-5, "Your phone’s clock is slow by about 2 minutes."),
        (-2, "Your phone’s clock is slow by about 1 minute."),
        (-11, WRONG),
        *((steps, WRONG) for steps in range(2, 12)),  # whoever guessed one of these would only have to wait
    ],
)
def test_a_code_of_up_to_ten_steps_ago_tells_how_wrong_the_clock_is(kim_with_app, clock, steps, sentence):
    kim_with_app.enter_password()

    assert sentence in words(kim_with_app.enter_code(kim_with_app.code(steps)))
    assert not kim_with_app.is_in


def test_a_clock_that_is_off_does_not_use_the_code_up(kim_with_app, clock):
    kim_with_app.enter_password()
    early = kim_with_app.code(4)
    kim_with_app.enter_code(early)
    clock.shift(120)

    assert kim_with_app.enter_code(early).headers["Location"] == "/"


@pytest.mark.row("N-3.1.4.2-life")
def test_the_window_does_not_follow_a_clock_that_runs_away(kim_with_app, clock):
    """Seven logins, each with a code one step late, make no eighth with a code of two steps late count."""
    for _ in range(7):
        kim_with_app.enter_password()
        assert kim_with_app.enter_code(kim_with_app.code(-1)).headers["Location"] == "/"
        kim_with_app.client.post("/logout/")
        clock.shift(60)
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(kim_with_app.code(-2)).status_code == 400
    assert not kim_with_app.is_in


@pytest.mark.row("N-3.1.4.1-len", "OTP-7", "V25")
@pytest.mark.parametrize(
    "bend",
    [
        lambda code: code.lstrip("0"),
        lambda code: "+" + code,
        lambda code: "_".join(code),
        lambda code: f"{code}.0",
        lambda code: code.translate({ord("0") + n: ord("\N{ARABIC-INDIC DIGIT ZERO}") + n for n in range(10)}),
        lambda code: code[:3] + "\N{ARABIC-INDIC DIGIT ZERO}" * 3,
        lambda code: full_width(code[1:]) + "\N{ARABIC-INDIC DIGIT ZERO}",
        lambda code: "0" + code,
        lambda code: code + "0",
        lambda code: code[:5],
        lambda code: code + "\x00",
        lambda code: f"0x{int(code):x}",
        lambda code: f"{int(code)}e0",
        lambda code: f"[{code}]",
        lambda code: f"{code},{code}",
        lambda code: code * 6,
    ],
)
def test_only_six_digits_count(kim, clock, bend):
    with_key(kim, key_with_zeros(time()))
    kim.enter_password()

    assert kim.enter_code(bend(kim.code())).status_code == 400
    assert not kim.is_in
    assert kim.enter_code().headers["Location"] == "/", "and the code itself is not used up by that"


@pytest.mark.parametrize("between", BETWEEN, ids=ascii)
def test_dashes_and_what_does_not_show_around_and_inside_a_code_do_not_matter(kim_with_app, clock, between):
    """Word, Notes and PDFs put them there when a code is copied."""
    kim_with_app.enter_password()
    code = kim_with_app.code()

    answer = kim_with_app.enter_code(f"{between}{code[:3]}{between}{code[3:]}{between}")

    assert answer.headers["Location"] == "/"


def test_full_width_digits_of_an_asian_keyboard_are_the_same_digits(kim_with_app, clock):
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(full_width(kim_with_app.code())).headers["Location"] == "/"


@pytest.mark.parametrize("bend", NO_CODES, ids=ascii)
@pytest.mark.parametrize("path", [CHALLENGE, f"{CHALLENGE}?with=recovery", "/confirm/"])
def test_what_cannot_be_a_code_is_no_guess(kim_with_app, clock, path, bend):
    """It takes nothing from the budget, is no refusal in the record, and nobody is sent to look at their clock."""
    kim_with_app.enter_password()
    if path == "/confirm/":
        kim_with_app.enter_code()
        clock.shift(16 * 60)
    before = list(Budget.objects.order_by("pk").values())
    for _number in range(2):
        answer = kim_with_app.client.post(path, {"code": bend})
        assert answer.status_code == 400
        assert "sixteen letters and digits" in words(answer)
        assert "clock" not in words(answer)

    assert list(Budget.objects.order_by("pk").values()) == before
    assert refusals_of(kim_with_app.user) == []


@pytest.mark.parametrize("bend", [*NO_CODES, "0123-4567-89AB-CDEF"], ids=ascii)
def test_what_cannot_be_a_code_of_the_new_app_is_told_so_and_not_to_look_at_the_clock(kim, clock, bend):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)

    answer = kim.client.post(OWN_SETUP, {"setup": page.id, "code": bend})

    assert answer.status_code == 400
    assert "The code has six digits." in words(answer)
    assert "clock" not in words(answer)


def test_the_advice_about_the_clock_stands_where_a_code_of_six_digits_was_wrong_and_nowhere_else(kim_with_app, clock):
    kim_with_app.enter_password()
    wrong = f"{(int(kim_with_app.code()) + 500_000) % 1_000_000:06d}"

    assert "set your phone’s clock to automatic" in words(kim_with_app.enter_code(wrong))
    assert "clock" not in words(kim_with_app.enter_code("ABCD-EFGH-JKMN-PQRS"))


@pytest.mark.parametrize(
    "space", ["{0}{1}{2} {3}{4}{5}", " {0}{1}{2}{3}{4}{5} ", "{0} {1} {2}\t{3}\N{NO-BREAK SPACE}{4}{5}"]
)
def test_spaces_that_people_type_do_not_matter(kim_with_app, clock, space):
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(space.format(*kim_with_app.code())).headers["Location"] == "/"


@pytest.mark.row("B-12", "V9")
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"code": ""},
        {"code": "   "},
        {"code": "null"},
        {"code": "true"},
        {"code": "[]"},
        {"code": "{}"},
        {"code": "000000"},
        {"code": "abcdef"},
        {"code": "1" * 41},
        {"otp": "123456"},
        {"code[]": "123456"},
        {"Code": "123456"},
    ],
)
def test_an_empty_or_odd_answer_stays_on_the_same_step(kim_with_app, fields):
    kim_with_app.enter_password()

    assert kim_with_app.client.post(CHALLENGE, fields).status_code == 400
    assert kim_with_app.asked_for == CHALLENGE


@pytest.mark.row("V9")
def test_a_json_body_is_no_code(kim_with_app):
    kim_with_app.enter_password()

    assert kim_with_app.json(CHALLENGE, {"code": kim_with_app.code()}).status_code == 400
    assert not kim_with_app.is_in


def test_a_code_in_the_address_is_ignored(kim_with_app, clock):
    kim_with_app.enter_password()

    assert kim_with_app.client.post(f"{CHALLENGE}?code={kim_with_app.code()}").status_code == 400
    assert not kim_with_app.is_in


@pytest.mark.row("OTP-4", "V5")
def test_a_code_counts_once_in_the_same_browser(kim_with_app, clock):
    kim_with_app.sign_in()
    kim_with_app.client.post("/logout/")
    kim_with_app.enter_password()

    assert USED in words(kim_with_app.enter_code())
    assert not kim_with_app.is_in


@pytest.mark.row("OTP-4", "V5")
def test_a_code_counts_once_in_all_browsers_together(kim_with_app, clock):
    elsewhere = Person(kim_with_app.user, app_key=kim_with_app.app_key)
    kim_with_app.enter_password()
    elsewhere.enter_password()
    kim_with_app.enter_code()

    assert USED in words(elsewhere.enter_code())
    assert kim_with_app.is_in
    assert not elsewhere.is_in


@pytest.mark.row("N-3.1.4.2-once", "V6")
def test_a_code_of_an_older_step_counts_no_more_after_a_newer_one(kim_with_app, clock):
    """A, B, A and B, A: what was accepted only grows."""
    kim_with_app.enter_password()
    kim_with_app.enter_code(kim_with_app.code(1))
    kim_with_app.client.post("/logout/")
    for steps in (0, -1, 1):
        budgets.unlock(kim_with_app.user)
        kim_with_app.enter_password()
        assert USED in words(kim_with_app.enter_code(kim_with_app.code(steps)))
    assert not kim_with_app.is_in


@pytest.mark.parametrize("ahead", [120, 3600, 10 * 365 * 86400])
def test_a_code_that_was_used_while_the_clock_ran_ahead_stops_nobody_once_it_is_right(kim_with_app, clock, ahead):
    clock.shift(ahead)
    assert kim_with_app.sign_in().headers["Location"] == "/"
    clock.shift(-ahead)
    again = Person(kim_with_app.user, app_key=kim_with_app.app_key)

    assert again.sign_in().headers["Location"] == "/"
    third = Person(kim_with_app.user, app_key=kim_with_app.app_key)
    third.enter_password()
    assert USED in words(third.enter_code()), "and from then on each code counts once, as ever"


def test_a_code_of_the_next_step_is_used_up_and_no_wrong_clock(kim_with_app, clock):
    kim_with_app.enter_password()
    kim_with_app.enter_code(kim_with_app.code(1))
    again = Person(kim_with_app.user, app_key=kim_with_app.app_key)
    again.enter_password()

    assert USED in words(again.enter_code(kim_with_app.code(1)))


@pytest.mark.row("V5")
def test_a_code_of_the_login_does_not_confirm_who_one_is(kim_with_app, clock):
    kim_with_app.sign_in()
    clock.shift(15 * 60)
    late = kim_with_app.code()
    kim_with_app.client.post("/confirm/", {"code": late})
    clock.shift(1)

    assert USED in words(kim_with_app.client.post("/confirm/", {"code": late}))


@pytest.mark.row("V5")
def test_a_code_that_confirmed_who_one_is_does_not_sign_in(kim_with_app, clock):
    kim_with_app.sign_in()
    clock.shift(15 * 60)
    code = kim_with_app.code()
    assert kim_with_app.client.post("/confirm/", {"code": code, "next": OWN}).headers["Location"] == OWN
    kim_with_app.client.post("/logout/")
    kim_with_app.enter_password()

    assert USED in words(kim_with_app.enter_code(code))


@pytest.mark.row("OTP-9", "V6")
def test_the_code_that_confirmed_the_set_up_is_used_up(clock, kim, administrator):
    administrator.client.post(f"{window_of(kim.user)}two-factor/on/")
    kim.enter_password()
    confirm_setup(kim, open_setup(kim))
    kim.client.post("/logout/")
    kim.enter_password()

    assert USED in words(kim.enter_code())
    assert kim.enter_code(kim.code(1)).headers["Location"] == "/"


@pytest.mark.row("V6")
def test_the_code_that_confirmed_a_new_app_is_used_up_in_the_window_too(kim, clock):
    kim.sign_in()
    confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP, steps=1)
    kim.client.post("/logout/")
    for steps in (1, 0, -1):
        budgets.unlock(kim.user)
        kim.enter_password()
        assert USED in words(kim.enter_code(kim.code(steps)))
    assert not kim.is_in


@pytest.mark.row("B-13")
def test_somebody_elses_code_does_not_count(kim_with_app, ada, clock):
    ada.set_up_app()
    kim_with_app.enter_password()

    assert WRONG in words(kim_with_app.enter_code(ada.code()))
    assert not kim_with_app.is_in
    ada.enter_password()
    assert ada.enter_code().headers["Location"] == "/", "and it is not used up by that"


@pytest.mark.row("OTP-8", "V33")
def test_an_unconfirmed_app_opens_nothing(kim, clock):
    kim.set_up_app()
    AuthenticatorApp.objects.filter(user=kim.user).update(confirmed=False)
    kim.enter_password()

    assert kim.asked_for == SETUP, "nobody is challenged with it either"
    assert kim.enter_code().headers["Location"] == SETUP
    assert not kim.is_in


def test_an_app_whose_key_cannot_be_read_lets_nobody_in_and_says_whom_to_ask(kim_with_app, clock, caplog):
    app = AuthenticatorApp.objects.get()
    app.key = bytes(app.key)[:-1] + bytes([bytes(app.key)[-1] ^ 1])
    app.save()
    kim_with_app.enter_password()

    answer = kim_with_app.enter_code()

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "10"
    assert "Nothing is wrong with what you entered, and nothing was lost." in words(answer)
    assert "If it stays like this, tell your administrator this number" in words(answer)
    assert not kim_with_app.is_in
    [line] = [record for record in caplog.records if record.levelname == "ERROR" and record.name.startswith("m2v")]
    assert str(kim_with_app.user.pk) in JsonFormatter().format(line)


@pytest.mark.parametrize("lost", [AuthenticatorApp, RecoveryCode])
def test_no_factor_is_lost_by_a_key_that_is_missing(lost, kim_with_app, clock, keys, settings):
    """A hundred right codes that could not be looked at are no wrong ones: with the key back, all is as before."""
    right = list(settings.MFA_ENCRYPTION_KEYS)
    kim_with_app.enter_password()
    keys(a_key("another"))
    code = kim_with_app.codes[0] if lost is RecoveryCode else None
    for _ in range(rule.USED_UP + 1):
        assert kim_with_app.enter_code(code or kim_with_app.code()).status_code == 503
    assert refusals_of(kim_with_app.user) == []
    keys(*right)

    assert kim_with_app.enter_code(code or kim_with_app.code()).headers["Location"] == "/"


def test_one_recovery_code_that_cannot_be_read_does_not_stop_the_others(kim_with_app, clock):
    rows = RecoveryCode.objects.order_by("pk")
    RecoveryCode.objects.filter(pk=rows[0].pk).update(sealed_digest=b"\x02k1" + bytes(40))
    kim_with_app.enter_password()
    assert kim_with_app.enter_code(kim_with_app.codes[0]).status_code == 503

    assert kim_with_app.enter_code(kim_with_app.codes[5]).headers["Location"] == "/"


def test_an_app_sealed_for_somebody_else_opens_nothing(kim_with_app, ada, clock):
    """A row that was moved in the database (V19) is no app of its new owner."""
    AuthenticatorApp.objects.update(user=ada.user)
    ada.app_key = kim_with_app.app_key
    ada.enter_password()

    assert ada.enter_code().status_code == 503
    assert not ada.is_in


def test_every_try_leaves_a_line_in_the_audit(kim_with_app, clock):
    kim_with_app.enter_password()
    kim_with_app.enter_code("000000")
    kim_with_app.enter_code(kim_with_app.code(-5))
    kim_with_app.enter_code()
    kim_with_app.client.post("/logout/")
    kim_with_app.enter_password()
    kim_with_app.enter_code()

    assert refusals_of(kim_with_app.user) == ["WrongCode", "ClockOff", "UsedCode"]
    lines = [action for action, _ in audit_of(kim_with_app.user)]
    assert lines[-7:] == ["proved", "refused", "refused", "signed_in", "signed_out", "proved", "refused"]
