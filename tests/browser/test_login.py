"""Signing in with password, code and paper; setting up the authenticator app; everything that goes differently."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone
from django.utils.formats import date_format
from playwright.sync_api import expect

from mfa import services
from mfa.methods import recovery_codes, totp
from tests.browser.pages import key_on

CHALLENGE = "/login/challenge/"
SET_UP = "/login/setup/two-factor/"
CODES = "/login/setup/recovery-codes/"


@pytest.fixture
def with_app(kim):
    kim.set_up_app()
    return kim


@pytest.fixture
def asked(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    return kim


def test_password_and_six_digits_which_send_themselves(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.is_on(CHALLENGE)
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")
    desk.sees("Chrome on Linux, with a password and a code")


def test_password_alone_where_nothing_is_set_up(kim, at):
    desk = at(kim)
    desk.sign_in()
    desk.is_on("/portal/")


def test_the_e_mail_address_and_the_enter_key_do_as_well(kim, at):
    desk = at(kim)
    desk.open("/login/")
    desk.field("User name").click()
    desk.page.keyboard.type("KIM@acme.example")
    desk.page.keyboard.press("Tab")
    desk.page.keyboard.type("correct horse battery staple")
    desk.page.keyboard.press("Enter")
    desk.is_on("/portal/")


def test_a_wrong_password_says_so_and_keeps_the_name(kim, at):
    desk = at(kim)
    desk.open("/login/")
    desk.enter_password("not this one")
    expect(desk.page.get_by_role("alert").filter(visible=True)).to_contain_text("User name or password is not right.")
    expect(desk.field("User name")).to_have_value("kim")
    expect(desk.password_field).to_have_value("")
    desk.enter_password()
    desk.is_on("/portal/")


@pytest.mark.parametrize(("path", "name"), [("/login/", "User name"), (CHALLENGE, "Code"), ("/confirm/", "Code")])
def test_what_a_page_asks_for_can_be_typed_at_once(path, name, with_app, at):
    desk = at(with_app)
    if path != "/login/":
        with_app.enter_password()
    if path == "/confirm/":
        with_app.enter_code()
    if path != "/login/":
        desk.bring_session()
    desk.open(path)
    expect(desk.field(name)).to_be_focused()


@pytest.mark.row("WCAG-3.3.8")
def test_a_pasted_code_with_a_space_in_it_sends_itself(with_app, at):
    desk = at(with_app, permissions=["clipboard-read", "clipboard-write"])
    desk.sign_in()
    desk.is_on(CHALLENGE)
    code = with_app.code()
    desk.page.evaluate("text => navigator.clipboard.writeText(text)", f" {code[:3]} {code[3:]}")
    desk.field("Code").focus()
    desk.page.keyboard.press("Control+V")
    desk.is_on("/portal/")


# As earlier versions made them too: the page must not send the digits in front.
BEGINS_WITH_DIGITS = "1234-56AB-CDEF-GH78"


@pytest.fixture
def begins_with_digits(with_app):
    recovery_codes.enrol(with_app.user, [BEGINS_WITH_DIGITS])
    return with_app


def is_not_sent(desk, sent):
    """Nothing was sent in twice the time that six typed digits wait; then "Verify" does it, and the code is right."""
    desk.page.wait_for_timeout(1400)
    assert sent == []
    desk.is_on(CHALLENGE)
    desk.button("Verify").click()
    desk.is_on("/portal/")
    desk.sees("You used your last recovery code.")


def posts_of(desk):
    """What the page sends from now on."""
    sent = []
    desk.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    return sent


@pytest.mark.parametrize(
    "pasted",
    [BEGINS_WITH_DIGITS, BEGINS_WITH_DIGITS.replace("-", ""), BEGINS_WITH_DIGITS.replace("-", "\u2011").lower()],
)
def test_a_recovery_code_pasted_into_the_field_for_codes_is_not_sent_by_itself(pasted, begins_with_digits, at):
    desk = at(begins_with_digits, permissions=["clipboard-read", "clipboard-write"])
    desk.sign_in()
    desk.is_on(CHALLENGE)
    sent = posts_of(desk)
    desk.page.evaluate("text => navigator.clipboard.writeText(text)", pasted)
    desk.field("Code").focus()
    desk.page.keyboard.press("Control+V")
    is_not_sent(desk, sent)


@pytest.mark.parametrize("typed", [BEGINS_WITH_DIGITS, BEGINS_WITH_DIGITS.replace("-", "").lower()])
def test_a_recovery_code_typed_slowly_into_the_field_for_codes_is_not_sent_after_six_digits(
    typed, begins_with_digits, at
):
    """Two letters a second; where it has dashes, however long one looks at the paper behind the sixth digit. The page's
    clock is ours: a machine with other work may stand still between two letters.
    """
    desk = at(begins_with_digits)
    desk.page.clock.install()
    desk.sign_in()
    desk.is_on(CHALLENGE)
    desk.page.clock.pause_at(datetime.now(UTC) + timedelta(minutes=1))
    sent, field = posts_of(desk), desk.field("Code")
    for letter in typed:
        field.press_sequentially(letter)
        desk.page.clock.run_for(1400 if letter == "-" else 400)
    desk.page.clock.resume()
    is_not_sent(desk, sent)


@pytest.mark.parametrize("path", [CHALLENGE, "/confirm/"])
def test_six_typed_digits_are_sent_once(path, with_app, at):
    """By the page, by Return, or by both at once."""
    desk = at(with_app)
    with_app.enter_password()
    if path == "/confirm/":
        with_app.enter_code(with_app.code(-1))
    desk.bring_session()
    desk.open(path)
    sent = posts_of(desk)
    desk.enter_code(with_app.code())
    desk.page.keyboard.press("Enter")
    desk.is_on("/portal/")
    desk.page.wait_for_timeout(1400)
    assert [urlsplit(url).path for url in sent] == [path]


def test_a_wrong_code_says_what_to_do_and_the_next_one_gets_in(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.enter_code("000000" if with_app.code() != "000000" else "111111")
    expect(desk.page.get_by_role("alert").filter(visible=True)).to_have_text(
        "This code is not right. Wait for the next one in your app. "
        "If it keeps failing, set your phone’s clock to automatic."
    )
    field = desk.field("Code")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("")
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")


def test_a_code_counts_once(with_app, at):
    code = with_app.code()
    with_app.enter_password()
    with_app.enter_code(code)
    desk = at(with_app)
    desk.sign_in()
    desk.enter_code(code)
    desk.sees("This code was used already. Wait for the next one in your app.")


def test_a_phone_whose_clock_is_off_is_told_so(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.enter_code(with_app.code(-8))
    desk.sees("Your phone’s clock is slow by about 4 minutes.")
    desk.is_on(CHALLENGE)


def test_a_recovery_code_gets_in_once_and_says_how_many_are_left(with_app, at):
    desk = at(with_app)
    for code, left in ((with_app.codes[0], 9), (with_app.codes[1].lower().replace("-", " "), 8)):
        desk.sign_in()
        desk.link("Use a recovery code").click()
        desk.field("Recovery code").fill(code)
        desk.button("Verify").click()
        desk.is_on("/portal/")
        desk.sees(f"You used a recovery code. {left} are left.")
        expect(desk.link("Lost your phone? Set up again")).to_be_visible()
        expect(desk.link("Make new codes")).to_be_visible()
        desk.sees(f"{left} of 10 left")
        desk.sign_out()

    desk.sign_in()
    desk.link("Use a recovery code").click()
    desk.field("Recovery code").fill(with_app.codes[0])
    desk.button("Verify").click()
    desk.sees("This is not one of your unused recovery codes.")
    desk.link("Use the authenticator app").click()
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")


def test_the_key_can_be_copied_and_is_what_the_qr_code_and_the_link_hold(asked, at):
    desk = at(asked, permissions=["clipboard-read", "clipboard-write"])
    desk.sign_in()
    desk.is_on(SET_UP)
    expect(desk.page.get_by_role("img", name="QR code")).to_be_visible()
    shown = desk.page.locator("#key").inner_text()
    assert re.fullmatch(r"([A-Z2-7]{4} ){7}[A-Z2-7]{4}", shown)
    desk.button("Copy").click()
    desk.sees("Copied")
    key = shown.replace(" ", "")
    assert desk.page.evaluate("navigator.clipboard.readText()") == key
    link = urlsplit(desk.link("Open in an app on this device").get_attribute("href"))
    assert (link.scheme, parse_qs(link.query)["secret"]) == ("otpauth", [key])


@pytest.mark.row("WCAG-3.3.8-rec")
def test_set_up_ends_with_recovery_codes_that_are_copied_saved_and_printed(asked, at):
    desk = at(asked, permissions=["clipboard-read", "clipboard-write"])
    desk.sign_in()
    desk.set_up_app()
    desk.is_on(CODES)
    codes = desk.page.get_by_role("list", name="Recovery codes").get_by_role("listitem").all_inner_texts()
    assert len(set(codes)) == 10

    desk.button("Copy").click()
    desk.sees("Copied")
    assert desk.page.evaluate("navigator.clipboard.readText()").splitlines() == codes

    with desk.page.expect_download() as started:
        desk.button("Download").click()
    saved = Path(started.value.path()).read_text()
    assert started.value.suggested_filename == "m2v-recovery-codes.txt"
    today = date_format(timezone.localdate(), "j F Y")
    assert f"m2v recovery codes for kim, made on {today}." in saved
    assert all(code in saved for code in codes)

    desk.page.evaluate("window.print = () => { document.title = 'printing'; }")
    desk.button("Print").click()
    expect(desk.page).to_have_title("printing")
    desk.page.emulate_media(media="print")
    expect(desk.page.get_by_text(f"m2v recovery codes for kim, made on {today}.")).to_be_visible()
    expect(desk.page.get_by_role("list", name="Recovery codes")).to_be_visible()
    for thing in (desk.button("Print"), desk.button("Continue"), desk.button("Not you? Start again")):
        expect(thing).to_be_hidden()
    desk.page.emulate_media(media="screen")

    desk.button("Continue").click()  # the browser asks for the tick first
    desk.is_on(CODES)
    desk.page.reload()
    assert desk.page.get_by_role("list", name="Recovery codes").get_by_role("listitem").all_inner_texts() == codes
    assert desk.save_codes() == codes
    desk.is_on("/portal/")
    desk.open(CODES)
    desk.is_on("/portal/")


def test_nobody_gets_past_the_recovery_codes_unsaved(asked, at):
    desk = at(asked)
    desk.sign_in()
    desk.set_up_app()
    desk.is_on(CODES)
    for path in ("/portal/", "/user-settings/mfa/", "/login/"):
        desk.open(path)
        desk.is_on(CODES)


def test_a_code_that_is_not_right_keeps_the_qr_code(asked, at):
    desk = at(asked)
    desk.sign_in()
    desk.is_on(SET_UP)
    before = key_on(desk.page)
    desk.enter_code("000000" if totp.code_at(before, 0) != "000000" else "111111")
    desk.sees("This code is not right.")
    assert key_on(desk.page) == before
    expect(desk.field("Code")).to_be_focused()
    desk.set_up_app()
    desk.is_on(CODES)


def test_two_tabs_show_one_qr_code_and_say_when_a_new_key_replaced_it(asked, at):
    desk = at(asked)
    desk.sign_in()
    desk.is_on(SET_UP)
    early = desk.page
    desk.page = early.context.new_page()
    desk.open(SET_UP)
    late = desk.page
    assert key_on(late) == key_on(early)
    desk.button("New key").click()
    expect(late.locator("#key")).not_to_have_text(early.locator("#key").inner_text())
    desk.page = early
    desk.set_up_app()
    desk.sees("This page was older than ten minutes, or a new key was made. Scan the QR code below.")
    desk.set_up_app()
    desk.is_on(CODES)

    desk.page = late
    desk.field("Code").fill("123456")
    desk.is_on(CODES)


def test_set_up_again_keeps_the_old_app_until_the_new_one_is_confirmed(with_app, at):
    desk = at(with_app)
    desk.arrive("/portal/")
    desk.open_own_window()
    old, old_codes = with_app.app_key, with_app.codes
    desk.button("Set up the app again").click()
    desk.sees("The app that you use now works until the new one is confirmed")
    new = key_on(desk.page)
    assert new != old

    elsewhere = at(with_app)
    elsewhere.sign_in()
    elsewhere.enter_code(with_app.code(1))
    elsewhere.is_on("/portal/")

    desk.set_up_app()
    assert not set(desk.save_codes()) & set(old_codes)
    expect(desk.window).to_be_visible()
    elsewhere.sign_out()
    elsewhere.sign_in()
    elsewhere.enter_code(totp.code_at(old, time() + 30))
    elsewhere.sees("This code is not right.")


def test_new_recovery_codes_void_the_old_ones(with_app, at):
    old = with_app.codes
    desk = at(with_app)
    desk.arrive("/portal/")
    desk.open_own_window()
    desk.button("New recovery codes").click()
    desk.sees("Your 10 unused codes work until you have saved the new ones, and no longer.")
    desk.button("Cancel").click()
    expect(desk.window).to_be_visible()
    desk.button("New recovery codes").click()
    desk.confirm()
    desk.is_on("/user-settings/mfa/recovery-codes/")
    new = desk.save_codes()
    assert not set(old) & set(new)
    desk.sees("10 of 10 recovery codes left")
    desk.page.get_by_role("button", name="Close").click()
    desk.sign_out()
    desk.sign_in()
    desk.link("Use a recovery code").click()
    desk.field("Recovery code").fill(old[0])
    desk.button("Verify").click()
    desk.sees("This is not one of your unused recovery codes.")
    desk.field("Recovery code").fill(new[0])
    desk.button("Verify").click()
    desk.is_on("/portal/")


def test_two_tabs_of_one_login_end_in_the_same_place(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.is_on(CHALLENGE)
    other = desk.page.context.new_page()
    other.goto(CHALLENGE)
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")

    first, desk.page = desk.page, other
    desk.enter_code(with_app.code(1))
    desk.is_on("/portal/")
    desk.page = first
    desk.open("/portal/")
    desk.is_on("/portal/")


def test_a_form_of_an_earlier_session_says_that_it_is_out_of_date(kim, at):
    desk = at(kim)
    desk.open("/login/")
    other = desk.page.context.new_page()
    other.goto("/login/")
    desk.enter_password()
    desk.is_on("/portal/")
    first, desk.page = desk.page, other
    desk.enter_password()
    desk.sees("You signed in or out since it was opened.")
    desk.page = first
    desk.open("/portal/")
    desk.is_on("/portal/")


def test_back_from_the_second_step_shows_no_secret_and_does_not_sign_out(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.is_on(CHALLENGE)
    desk.page.go_back()
    desk.is_on(CHALLENGE)  # whoever is on the way is sent on
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")
    desk.page.go_back()
    expect(desk.button("User menu")).to_be_visible()


def test_back_after_signing_out_shows_nothing_of_before(kim, at):
    desk = at(kim)
    desk.sign_in()
    desk.is_on("/portal/")
    desk.sign_out()
    desk.page.go_back()
    desk.is_on("/login/")


def test_not_you_starts_again(with_app, at):
    desk = at(with_app)
    desk.sign_in()
    desk.sees("Signing in as kim")
    desk.button("Not you? Start again").click()
    desk.is_on("/login/")
    desk.open(CHALLENGE)
    desk.is_on("/login/")


def test_next_is_reached_through_all_steps(asked, admin, at):
    services.request_passkey(asked.user, actor=admin)
    desk = at(asked)
    desk.open("/user-settings/password/?from=mail")
    desk.is_on("/login/")
    desk.enter_password()
    desk.set_up_app()
    desk.save_codes()
    desk.is_on("/login/setup/passkey/")
    desk.button("Not now").click()
    expect(desk.page).to_have_url(re.compile(r"/user-settings/password/\?from=mail$"))


def test_next_leads_nowhere_else(kim, at, site):
    for elsewhere in ("https://example.com/", "//example.com/", "javascript:alert(1)", "/\\example.com/"):
        desk = at(kim)
        desk.sign_in(f"/login/?next={elsewhere}")
        desk.is_on("/portal/")
        assert desk.page.url.startswith(site)


def test_before_a_change_people_confirm_with_the_code_and_go_on_where_they_were(with_app, at):
    desk = at(with_app)
    desk.arrive("/user-settings/")
    age_proofs(with_app)
    desk.open_own_window()
    desk.button("Request new passkey").click()
    expect(desk.heading("Confirm that it is you")).to_be_visible()
    desk.enter_code(with_app.code(1))
    expect(desk.window).to_be_visible()
    desk.sees("You will be asked to create a passkey at the next login.")


def test_before_a_change_people_without_a_factor_confirm_with_the_password(kim, at):
    desk = at(kim)
    desk.arrive("/user-settings/")
    age_proofs(kim)
    desk.field("First name").fill("Kimberly")
    desk.button("Save").click()
    expect(desk.heading("Confirm that it is you")).to_be_visible()
    desk.password_field.fill("not this one")
    desk.button("Verify").click()
    desk.sees("This is not your password. Try again.")
    desk.password_field.fill("correct horse battery staple")
    desk.button("Verify").click()
    desk.sees("Your profile is saved.")
    expect(desk.field("First name")).to_have_value("Kimberly")


def age_proofs(person) -> None:
    """What the person's session proved was twenty minutes ago."""
    session = person.client.session
    session["proofs"] = [proof | {"at": proof["at"] - 20 * 60} for proof in session["proofs"]]
    session.save()


def test_a_password_is_changed_and_ends_the_sessions_elsewhere(kim, at):
    desk, elsewhere = at(kim), at(kim)
    for each in (desk, elsewhere):
        each.sign_in()
        each.is_on("/portal/")
    desk.open("/user-settings/password/")
    desk.page.get_by_label("Current password").fill("correct horse battery staple")
    desk.page.get_by_label("New password", exact=True).fill("quiet river under stars")
    desk.page.get_by_label("New password, again").fill("quiet river under stars")
    desk.button("Change password").click()
    desk.sees("Your password is changed. Everywhere else you are signed out.")
    elsewhere.open("/portal/")
    elsewhere.is_on("/login/")
    elsewhere.enter_password("quiet river under stars")
    elsewhere.is_on("/portal/")


def test_a_forgotten_password_is_chosen_anew_by_mail_and_the_second_factor_stays(with_app, at, mailoutbox):
    desk = at(with_app)
    desk.open("/login/")
    desk.link("Forgot your password?").click()
    desk.field("User name or e-mail").fill("Kim@ACME.example")
    desk.button("Send the link").click()
    expect(desk.heading("Check your e-mail")).to_be_visible()
    link = re.search(r"https?://\S+/password-reset/\S+", mailoutbox[-1].body)[0]
    desk.open(urlsplit(link).path)
    desk.page.get_by_label("New password", exact=True).fill("quiet river under stars")
    desk.page.get_by_label("New password, again").fill("quiet river under stars")
    desk.button("Save the password").click()
    desk.is_on("/login/")
    desk.sees("Your password is saved. Sign in with it.")
    desk.enter_password("quiet river under stars")
    desk.is_on(CHALLENGE)
    desk.enter_code(with_app.code())
    desk.is_on("/portal/")


def test_a_half_way_login_that_ended_leads_back_to_the_start(with_app, at):
    desk = at(with_app)
    with_app.enter_password()
    desk.bring_session()
    desk.open(CHALLENGE)
    age_proofs(with_app)
    desk.enter_code(with_app.code())
    expect(desk.page).to_have_url(re.compile(r"/login/"))
    desk.enter_password()
    desk.enter_code(with_app.code(1))
    desk.is_on("/portal/")


def test_a_password_can_be_looked_at_before_it_is_sent(at, kim):
    desk = at(kim)
    desk.open("/login/")
    field = desk.page.get_by_label("Password")
    field.fill("what I typed")
    expect(field).to_have_attribute("type", "password")
    desk.button("Show password").click()

    expect(field).to_have_attribute("type", "text")
    desk.button("Show password").click()
    expect(field).to_have_attribute("type", "password")


@pytest.mark.row("WCAG-2.2.1")
def test_a_half_way_login_says_a_minute_before_that_it_ends_and_once_it_has(with_app, at):
    desk = at(with_app)
    desk.page.clock.install()
    with_app.enter_password()
    desk.bring_session()
    desk.open(CHALLENGE)
    warning = desk.page.get_by_role("alert")
    expect(warning).to_have_count(0)

    desk.page.clock.fast_forward(9 * 60_000)
    desk.sees("One more minute for this step. Then the sign-in has to be started again.")
    expect(warning).to_have_count(1)

    desk.page.clock.fast_forward(60_000)
    desk.sees("This sign-in took longer than ten minutes and is over.")
    expect(desk.page.get_by_text("One more minute")).to_be_hidden()
    age_proofs(with_app)
    desk.link("Back to sign-in").click()
    desk.is_on("/login/")
    expect(desk.field("User name")).to_be_visible()
