"""Setting up an authenticator app: at login and in one's own window, from the QR code to the first code."""

from __future__ import annotations

import re
from base64 import urlsafe_b64encode
from secrets import token_bytes
from time import time
from urllib.parse import parse_qs, urlsplit

import pytest
from qrcode.constants import ERROR_CORRECT_L
from qrcode.main import QRCode

from accounts import sealing
from companies import services as companies
from mfa import services
from mfa.methods import totp
from mfa.methods.totp.qr import qr_svg
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.mfa.pages import (
    CHALLENGE,
    OWN,
    OWN_CODES,
    OWN_SETUP,
    SAVE,
    SETUP,
    SetupPage,
    audit_of,
    codes_on,
    confirm_setup,
    html,
    new_key,
    open_setup,
    session_dump,
    words,
)
from tests.people import Person

GONE = "This page was older than ten minutes, or a new key was made. Scan the QR code below."


@pytest.fixture
def asked(kim, admin):
    """Kim, at the set-up page of the login."""
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    return kim


@pytest.fixture
def kim_in(kim, clock):
    """Kim, signed in with an app that was set up before."""
    kim.set_up_app()
    kim.sign_in()
    return kim


def key_of(person: Person) -> bytes:
    app = AuthenticatorApp.objects.get(user=person.user, confirmed=True)
    return sealing.unseal(app.key, person.user.pk, sealing.Purpose.APP)


def drawn(page: str) -> list[list[bool]]:
    """The modules of a QR code, read back from its picture."""
    svg = re.search(r'<svg viewBox="0 0 (\d+) \1" role="img" aria-label="QR code"[^>]*>(.*?)</svg>', page, re.DOTALL)
    assert svg, page
    size, runs = int(svg[1]), re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", svg[2])
    matrix = [[False] * size for _ in range(size)]
    for x, y, width in runs:
        for column in range(int(x), int(x) + int(width)):
            matrix[int(y)][column] = True
    return matrix


@pytest.mark.row("OTP-2")
def test_the_page_shows_qr_code_key_and_link_of_one_secret(asked):
    answer = asked.client.get(SETUP)
    page = SetupPage.read(answer)
    query = parse_qs(urlsplit(page.uri).query)

    assert len(page.key) == 20
    assert query["secret"] == [totp.key_as_text(page.key)]
    assert query["issuer"] == ["m2v localhost"]
    assert urlsplit(page.uri).path == "/m2v%20localhost%3Akim"
    shown = re.search(r'id="key">([^<]+)<', html(answer))
    assert shown
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown[1])


def test_the_qr_code_says_what_the_link_says(asked):
    answer = asked.client.get(SETUP)
    code = QRCode(error_correction=ERROR_CORRECT_L, border=4)
    code.add_data(SetupPage.read(answer).uri)

    assert drawn(answer.content.decode()) == code.get_matrix()


def test_the_code_field_is_made_for_codes(asked):
    page = asked.client.get(SETUP).content.decode()

    field = re.search(r'<input[^>]*name="code"[^>]*>', page)
    assert field
    assert 'autocomplete="one-time-code"' in field[0]
    assert 'inputmode="numeric"' in field[0]
    assert 'type="number"' not in field[0]
    assert "Turn on two-factor authentication" in page


@pytest.mark.parametrize(
    ("own", "by_company", "says"),
    [
        (True, False, "Two-factor authentication is switched on for you."),
        (False, True, "Acme Machines has required two-factor authentication since today."),
        (True, True, "Acme Machines has required two-factor authentication since today."),
    ],
)
def test_the_page_says_who_requires_it(kim, admin, company, own, by_company, says):
    if own:
        services.enable_two_factor(kim.user, actor=admin)
    if by_company:
        companies.enable_company_two_factor(company, actor=admin)
    kim.enter_password()

    assert says in words(kim.client.get(SETUP))


def test_the_page_says_that_the_company_requires_it_where_nobody_knows_since_when(kim, company):
    company.two_factor_enabled = True
    company.save()
    kim.enter_password()

    assert "Acme Machines requires two-factor authentication." in words(kim.client.get(SETUP))


def test_a_right_code_makes_the_app_and_turns_the_own_switch_on(kim, admin, company):
    """Whoever required it: so that it survives when the company's switch goes off (row 10)."""
    companies.enable_company_two_factor(company, actor=admin)
    kim.enter_password()
    page = open_setup(kim)

    assert confirm_setup(kim, page).headers["Location"] == SAVE

    kim.user.refresh_from_db()
    assert kim.user.two_factor_enabled
    assert kim.user.two_factor_changed_by == kim.user
    assert key_of(kim) == page.key
    assert audit_of(kim.user)[-3:] == [
        ("app_set_up", "kim"),
        ("two_factor_enabled", "kim"),
        ("recovery_codes_made", "kim"),
    ]
    companies.disable_company_two_factor(company, actor=admin)
    kim.client.post(SAVE, {"saved": "on"})
    kim.client.post("/logout/")
    assert kim.enter_password().headers["Location"] == CHALLENGE
    assert kim.enter_code(kim.code(1)).headers["Location"] == "/"


@pytest.mark.parametrize("code", ["000000", "12345", "", "abcdef"])
def test_a_wrong_code_keeps_the_page_and_its_secret(asked, code):
    page = open_setup(asked)
    asked.app_key = page.key

    answer = asked.client.post(SETUP, {"setup": page.id, "code": code})

    assert answer.status_code == 400
    assert SetupPage.read(answer) == page
    assert not AuthenticatorApp.objects.exists()
    assert confirm_setup(asked, page).headers["Location"] == SAVE


def test_a_phone_whose_clock_is_wrong_is_told_so_before_the_app_counts(asked, clock):
    asked.enter_password()
    page = open_setup(asked)

    answer = confirm_setup(asked, page, steps=6)

    assert answer.status_code == 400
    assert "Your phone’s clock is fast by about 3 minutes." in words(answer)
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.parametrize("path", [SETUP, OWN_SETUP])
def test_reloading_and_coming_back_show_the_same_key_for_its_ten_minutes(path, kim, admin, clock):
    """Whoever scanned the code before the page was opened again has its key in the app."""
    if path == SETUP:
        services.enable_two_factor(kim.user, actor=admin)
        kim.enter_password()
    else:
        kim.sign_in()
    page = open_setup(kim, path)
    clock.shift(299)
    kim.client.get("/portal/")
    assert open_setup(kim, path) == page
    clock.shift(300)
    assert open_setup(kim, path) == page

    assert confirm_setup(kim, page, path).status_code == 302
    assert key_of(kim) == page.key


def test_after_ten_minutes_the_page_has_another_key(kim, clock):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    clock.shift(601)

    assert open_setup(kim, OWN_SETUP).key != page.key


def test_a_key_that_was_made_while_the_clock_ran_ahead_waits_no_longer(kim, clock):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    session = kim.client.session
    session["app_setup"] |= {"at": time() + 7200}
    session.save()

    assert GONE in words(confirm_setup(kim, page, OWN_SETUP))
    assert open_setup(kim, OWN_SETUP).key != page.key


@pytest.mark.row("OTP-8")
@pytest.mark.parametrize("path", [SETUP, OWN_SETUP])
def test_new_key_makes_another_and_the_other_tab_is_told_and_shows_it(path, kim, admin):
    if path == SETUP:
        services.enable_two_factor(kim.user, actor=admin)
        kim.enter_password()
    else:
        kim.sign_in()
    older = open_setup(kim, path)
    assert "New key" in words(kim.client.get(path))
    newer = new_key(kim, path)
    assert older.key != newer.key
    assert older.id != newer.id

    answer = confirm_setup(kim, older, path)

    assert answer.status_code == 400
    assert GONE in words(answer)
    assert not AuthenticatorApp.objects.exists()
    assert SetupPage.read(answer) == newer, "and the newer one still works"
    assert confirm_setup(kim, newer, path).status_code == 302
    assert key_of(kim) == newer.key


def test_each_of_two_tabs_works(asked):
    older, newer = open_setup(asked), open_setup(asked)

    assert older == newer
    assert confirm_setup(asked, older).headers["Location"] == SAVE


@pytest.mark.parametrize("name", ["kim", "k" * 150, "किरण" * 30, "ж" * 150])
def test_every_module_of_the_qr_code_has_three_pixels_at_least_and_four_around_it_are_quiet(name, kim):
    picture = str(qr_svg(totp.provisioning_uri(totp.new_key(), name), "QR code"))
    size = re.search(r'width="(\d+)" height="\1"', picture)
    matrix = drawn(picture)

    assert size
    assert int(size[1]) >= 3 * len(matrix)
    assert int(size[1]) % len(matrix) == 0, "each module has whole pixels"
    edge = [*matrix[:4], *matrix[-4:], *(row[:4] + row[-4:] for row in matrix)]
    assert not any(any(row) for row in edge)
    assert matrix[4][4]


def test_the_qr_code_of_a_short_name_is_not_dense(kim):
    """45 modules, 37 of them the code's: version 5 at most."""
    assert len(drawn(str(qr_svg(totp.provisioning_uri(totp.new_key(), "kim"), "QR code")))) <= 45


def test_two_installations_have_two_names_in_an_app(settings):
    settings.ISSUER = "Acme sign-in"

    assert totp.provisioning_uri(b"x" * 20, "kim").startswith("otpauth://totp/Acme%20sign-in%3Akim?secret=")
    assert totp.provisioning_uri(b"x" * 20, "kim").endswith("&issuer=Acme%20sign-in")


@pytest.mark.row("OTP-8")
@pytest.mark.parametrize(("seconds", "status"), [(599, 302), (601, 400)])
def test_a_secret_expires_after_ten_minutes(kim, clock, seconds, status):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    clock.shift(seconds)

    answer = confirm_setup(kim, page, OWN_SETUP)

    assert answer.status_code == status
    assert AuthenticatorApp.objects.exists() is (status == 302)
    if status == 400:
        assert GONE in words(answer)


@pytest.mark.parametrize("setup", ["", "x", "\x00", None])
def test_a_code_without_the_page_it_belongs_to_confirms_nothing(asked, setup):
    page = open_setup(asked)
    asked.app_key = page.key
    fields = {"code": asked.code()} | ({} if setup is None else {"setup": setup})

    assert GONE in words(asked.client.post(SETUP, fields))
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.row("ASVS-2.3.1")
def test_confirming_before_the_page_was_opened_confirms_nothing(asked):
    asked.app_key = totp.new_key()

    assert asked.client.post(SETUP, {"setup": "x", "code": asked.code()}).status_code == 400
    assert not AuthenticatorApp.objects.exists()


@pytest.mark.row("V8")
def test_the_secret_and_its_owner_never_come_from_the_browser(asked, ada):
    page, mine = open_setup(asked), totp.new_key()
    asked.app_key = mine
    more = {"key": totp.key_as_text(mine), "secret": totp.key_as_text(mine), "user": str(ada.user.pk), "confirmed": "1"}

    assert asked.client.post(SETUP, {"setup": page.id, "code": asked.code()} | more).status_code == 400
    assert confirm_setup(asked, page).status_code == 302
    assert key_of(asked) == page.key
    assert not ada.user.authenticator_apps.exists()


@pytest.mark.row("B-26")
def test_a_secret_of_one_session_confirms_nothing_in_another(asked):
    """Nobody slips a secret into somebody else's set-up."""
    thief = Person(asked.user)
    thief.enter_password()
    theirs, mine = open_setup(thief), open_setup(asked)

    thief.app_key = theirs.key
    answer = asked.client.post(SETUP, {"setup": theirs.id, "code": thief.code()})
    assert answer.status_code == 400
    answer = asked.client.post(SETUP, {"setup": mine.id, "code": thief.code()})
    assert answer.status_code == 400
    assert not AuthenticatorApp.objects.exists()


def test_the_secret_of_one_person_is_not_the_next_ones_in_the_same_browser(asked, ada, admin):
    page = open_setup(asked)
    services.enable_two_factor(ada.user, actor=admin)
    ada.client = asked.client
    ada.enter_password()

    assert GONE in words(confirm_setup(ada, page))
    assert not AuthenticatorApp.objects.exists()


def test_a_secret_that_cannot_be_read_any_more_is_replaced(asked, settings):
    """The site's keys were changed while the page was open."""
    page = open_setup(asked)
    settings.MFA_ENCRYPTION_KEYS = [f"next:{urlsafe_b64encode(token_bytes(32)).decode()}"]
    sealing.ciphers.cache_clear()
    try:
        answer = confirm_setup(asked, page)
        assert GONE in words(answer)
        assert confirm_setup(asked, SetupPage.read(answer)).headers["Location"] == SAVE
    finally:
        sealing.ciphers.cache_clear()


@pytest.mark.row("OTP-8")
def test_a_secret_that_waits_opens_nothing(kim_in):
    waiting = open_setup(kim_in, OWN_SETUP)
    kim_in.client.post("/logout/")
    old, kim_in.app_key = kim_in.app_key, waiting.key
    kim_in.enter_password()

    assert kim_in.enter_code(kim_in.code(1)).status_code == 400
    kim_in.app_key = old
    assert kim_in.enter_code(kim_in.code(1)).headers["Location"] == "/"


@pytest.mark.row("N-3.1.4.2-bind", "B-27")
def test_a_confirmed_secret_is_never_shown_again(asked):
    page = open_setup(asked)
    confirm_setup(asked, page)
    text = totp.key_as_text(page.key)
    asked.client.post(SAVE, {"saved": "on"})

    for path in (SETUP, OWN_SETUP, OWN, "/portal/"):
        answer = asked.client.get(path, follow=True)
        assert text not in html(answer).replace(" ", "")
        assert "no-store" in answer.headers["Cache-Control"]
    assert text not in session_dump(asked)


@pytest.mark.row("ASVS-14.2.1")
def test_the_secret_is_in_no_address(asked):
    page = open_setup(asked)
    answer = confirm_setup(asked, page)

    assert totp.key_as_text(page.key) not in answer.headers["Location"]
    assert asked.app_key
    assert asked.code() not in answer.headers["Location"]


# --- In one's own window ---


def test_one_sets_up_2fa_of_ones_own_accord(kim):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    assert confirm_setup(kim, page, OWN_SETUP).headers["Location"] == OWN_CODES
    shown = codes_on(kim.client.get(OWN_CODES))
    assert kim.client.post(OWN_CODES, {"saved": "on"}).headers["Location"] == OWN
    assert "10 of 10 recovery codes left" in words(kim.client.get(OWN))
    kim.client.post("/logout/")

    assert kim.enter_password().headers["Location"] == CHALLENGE
    assert kim.enter_code(shown[0]).headers["Location"] == "/"


@pytest.mark.row("V34")
def test_set_up_again_keeps_the_old_app_until_the_new_one_is_confirmed(kim_in, clock):
    old_key, old_codes = kim_in.app_key, list(kim_in.codes)
    page = open_setup(kim_in, OWN_SETUP)
    elsewhere = Person(kim_in.user, app_key=old_key)
    clock.shift(60)
    elsewhere.enter_password()
    assert elsewhere.enter_code().headers["Location"] == "/", "the old app works while the page is open"
    assert kim_in.client.post(OWN_SETUP, {"setup": page.id, "code": "000000"}).status_code == 400
    assert key_of(kim_in) == old_key

    assert confirm_setup(kim_in, page, OWN_SETUP).headers["Location"] == OWN_CODES

    assert key_of(kim_in) == page.key
    assert AuthenticatorApp.objects.count() == 1
    new_codes = codes_on(kim_in.client.get(OWN_CODES))
    assert not set(new_codes) & set(old_codes)
    clock.shift(60)
    elsewhere.client.post("/logout/")
    elsewhere.enter_password()
    assert elsewhere.enter_code().status_code == 400, "and the old app is dead after it"
    assert elsewhere.enter_code(old_codes[0]).status_code == 400
    elsewhere.app_key = page.key
    assert elsewhere.enter_code().headers["Location"] == "/"


@pytest.mark.row("V35")
def test_people_whose_company_requires_it_may_set_it_up_again(kim_in, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    page = open_setup(kim_in, OWN_SETUP)

    assert confirm_setup(kim_in, page, OWN_SETUP).headers["Location"] == OWN_CODES
    assert key_of(kim_in) == page.key


@pytest.mark.row("N-3.1.4.2-bind", "B-26")
def test_setting_up_again_asks_who_one_is(kim_in, clock):
    page = open_setup(kim_in, OWN_SETUP)
    clock.shift(15 * 60)
    old = key_of(kim_in)

    assert kim_in.client.get(OWN_SETUP).headers["Location"].startswith("/confirm/?next=")
    assert confirm_setup(kim_in, page, OWN_SETUP).headers["Location"].startswith("/confirm/?next=")
    assert key_of(kim_in) == old


def test_setting_up_in_the_window_counts_as_a_proof(kim):
    """What was just proved with the new app need not be proved again a click later."""
    kim.sign_in()
    confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)

    assert kim.client.get(f"{OWN}passkeys/new/").status_code == 200


@pytest.mark.row("N-3.1.4.2-bind")
def test_the_pages_for_oneself_are_shut_to_strangers(kim):
    for path in (OWN_SETUP, OWN_CODES, f"{OWN}recovery-codes/new/", f"{OWN}passkeys/new/"):
        assert kim.client.get(path).headers["Location"].startswith("/login/")
        assert kim.client.post(path).headers["Location"].startswith("/login/")


@pytest.mark.row("ASVS-2.3.3")
def test_an_app_is_there_with_its_codes_or_not_at_all(asked):
    confirm_setup(asked, open_setup(asked))

    assert AuthenticatorApp.objects.filter(user=asked.user, confirmed=True).count() == 1
    assert RecoveryCode.objects.filter(user=asked.user, used_at=None).count() == 10
