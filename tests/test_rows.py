"""DESIGN.md section 2, row by row and decision by decision, through the pages that people click."""

from __future__ import annotations

import re
from base64 import b32decode
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from accounts.models import Role, User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.models import Company
from mfa.models import Passkey, PasskeyRequest, RecoveryCode
from tests.companies import COMPANIES, USERS, press, read
from tests.people import PASSWORD, Person

SWITCH = "Two-factor authentication"
OWN = "/user-settings/mfa/"
SET_UP = "/login/setup/two-factor/"
APPS = ("/portal/", "/m2s/", "/settings/")
DEEPER = ("/", "/user-settings/", OWN, "/user-settings/password/", USERS, COMPANIES, "/confirm/")


# --- Helpers: what an administrator and an owner click ---


def window_of(administrator, person):
    """The window about somebody, as the row's menu opens it."""
    return administrator.client.get(f"{USERS}{person.user.pk}/mfa/")


def switch(actor, window, **ticked):
    """Press the switch and confirm; the window again."""
    return press(actor.client, press(actor.client, window, SWITCH), "Confirm", **ticked)


def switch_for(administrator, person, **ticked):
    return switch(administrator, window_of(administrator, person), **ticked)


def switch_company(administrator, company, **ticked):
    page = administrator.client.get(f"{COMPANIES}{company.pk}/")
    return switch(administrator, page, **ticked)


def request_passkey(administrator, person):
    return press(administrator.client, window_of(administrator, person), "Request new passkey")


def delete_request(administrator, person):
    return press(administrator.client, window_of(administrator, person), "Delete current passkey request")


def log_in(person):
    """A new login in a new browser, as far as the password gets; where they stand."""
    person.client = Person(person.user).client
    person.enter_password()
    return person.asked_for


def take_app(person, answer, button="Turn on two-factor authentication"):
    """Scan the QR code (by its text) into the app, and enter the code; the page after it."""
    page = read(answer)
    person.app_key = b32decode(
        next(found for found in page.walk() if found.attrs.get("id") == "key").words.replace(" ", "")
    )
    return press(person.client, answer, button, code=person.code())


def set_up(person, address=SET_UP):
    """The whole set-up, recovery codes included; the page after it."""
    codes = take_app(person, person.client.get(address))
    person.codes = re.findall(r"\b(?:[0-9A-Z]{4}-){3}[0-9A-Z]{4}\b", read(codes).words)
    return press(person.client, codes, "Continue", saved="on")


def headings(answer):
    return [heading.words for heading in read(answer).dialog.all("h3")]


def said(answer):
    """What happened, as the page says it."""
    return " ".join(read(answer).notes)


# --- Row 1: an administrator opens somebody's window ---


def test_row_01_an_administrator_finds_a_user_and_opens_the_window_from_the_rows_menu(administrator, kim):
    settings = read(administrator.client.get("/settings/"))
    assert "Administration" in [
        heading.words for heading in settings.one("nav", **{"aria-label": "Settings"}).all("h2")
    ]
    found = read(administrator.client.get(settings.links["User"], {"q": "kim"}))
    menu_id = found.button("Actions for kim").attrs["popovertarget"]
    menu = next(menu for menu in found.all("div") if menu.attrs.get("id") == menu_id)
    window = administrator.client.get(menu.links["Multi-factor authentication"])

    assert read(window).dialog.one("h2").words == "Multi-factor authentication"
    assert headings(window) == ["Two-factor authentication (2FA)", "Passkey authentication"]
    assert "Kim Hansen" in read(window).dialog.words


def test_row_01_a_company_administrator_does_it_in_their_own_company(company_admin, kim):
    carla = Person(company_admin)
    carla.sign_in()

    assert headings(window_of(carla, kim)) == ["Two-factor authentication (2FA)", "Passkey authentication"]


# --- Row 2: everybody opens their own ---


@pytest.mark.parametrize("app", APPS)
@pytest.mark.parametrize("role", Role.values)
def test_row_02_everybody_opens_their_own_window_from_the_user_menu_of_every_app(make_person, role, app):
    person = make_person("robin", first_name="Robin", last_name="Beck", role=role)
    person.sign_in()
    if role == Role.MEMBER and app == "/settings/":
        app = "/portal/"  # row 11: no way into the Settings app
    page = read(person.client.get(app))
    menu = next(found for found in page.all("div") if found.attrs.get("id") == "user-menu")
    assert page.button("User menu").attrs["popovertarget"] == "user-menu"
    user_settings = read(person.client.get(menu.links["User settings"]))
    window = person.client.get(user_settings.links["Multi-factor authentication"])

    assert headings(window) == ["Two-factor authentication (2FA)", "Passkey authentication"]
    assert "Robin Beck" in read(window).dialog.words


def test_row_02_it_is_the_same_window_about_themselves(administrator, kim):
    kim.sign_in()
    own, other = read(kim.client.get(OWN)).dialog, read(window_of(administrator, kim)).dialog

    assert own.one("h2").words == other.one("h2").words
    for name in (SWITCH, "Request new passkey", "Delete current passkey request"):
        assert own.button(name)
        assert other.button(name)


# --- Row 3: on for a user ---


def test_row_03_whoever_it_is_switched_on_for_is_asked_after_the_password(administrator, kim):
    done = switch_for(administrator, kim)

    assert "Kim will be asked to set up two-factor authentication at the next login." in said(done)
    assert log_in(kim) == SET_UP
    page = read(kim.client.get(SET_UP))
    assert any(found.label == "QR code" for found in page.all("svg") if found.attrs.get("role") == "img")
    assert page.button("Turn on two-factor authentication")
    assert "Not now" not in page.words


@pytest.mark.parametrize("address", [*APPS, *DEEPER])
def test_row_03_until_it_is_set_up_they_cannot_get_in_anywhere(administrator, kim, address):
    switch_for(administrator, kim)
    log_in(kim)

    assert kim.client.get(address).headers["Location"].startswith("/login/")
    assert kim.client.post(address).headers["Location"].startswith("/login/")
    script = kim.client.get(address, HTTP_ACCEPT="application/json")
    assert (script.status_code, script.json()["error"]) == (401, "sign_in_required")


def test_row_03_no_other_step_lets_them_in(administrator, kim):
    switch_for(administrator, kim)
    request_passkey(administrator, kim)
    log_in(kim)

    for address in ("/login/challenge/", "/login/setup/passkey/", "/login/setup/recovery-codes/"):
        assert kim.client.post(address, {"later": "", "saved": "on", "code": "000000"}).headers["Location"] == SET_UP
    assert not kim.is_in


def test_row_03_once_it_is_set_up_they_are_in_and_asked_for_a_code_from_then_on(administrator, kim):
    switch_for(administrator, kim)
    log_in(kim)
    assert set_up(kim).request["PATH_INFO"] == "/portal/"
    assert len(kim.codes) == 10

    assert log_in(kim) == "/login/challenge/"
    kim.enter_code(kim.code(1))
    assert kim.is_in


# --- Row 4: off for a user who is set up ---


def test_row_04_the_configuration_is_removed_and_the_password_is_enough_again(administrator, kim):
    kim.set_up_app()
    question = press(administrator.client, window_of(administrator, kim), SWITCH)
    assert "Kim’s authenticator app and 10 recovery codes are removed. This cannot be undone." in read(question).words
    assert "Kim has no other method and will sign in with user name and password only." in read(question).words
    done = press(administrator.client, question, "Confirm")

    assert "Two-factor authentication is off for Kim. User name and password are enough again." in said(done)
    assert kim.user.authenticator_apps.count() == 0
    assert kim.user.recovery_codes.count() == 0
    assert not User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert log_in(kim) == "/portal/"


def test_row_04_a_passkey_stays(administrator, kim):
    kim.set_up_app()
    kim.add_passkey()
    switch_for(administrator, kim)

    assert kim.user.passkeys.count() == 1
    assert log_in(kim) == "/portal/"


def test_row_04_canceling_removes_nothing(administrator, kim):
    kim.set_up_app()
    press(administrator.client, press(administrator.client, window_of(administrator, kim), SWITCH), "Cancel")

    assert log_in(kim) == "/login/challenge/"


# --- Row 5: off for a user who is not set up ---


def test_row_05_whoever_is_not_set_up_is_no_longer_asked(administrator, kim):
    switch_for(administrator, kim)
    done = switch_for(administrator, kim)

    assert "Kim will no longer be asked to set up two-factor authentication." in said(done)
    assert log_in(kim) == "/portal/"


def test_row_05_even_half_way_through_the_login(administrator, kim):
    switch_for(administrator, kim)
    assert log_in(kim) == SET_UP
    switch_for(administrator, kim)

    assert kim.is_in


# --- Row 6: a passkey is requested ---


def test_row_06_the_user_is_asked_at_every_login_until_there_is_one(administrator, kim):
    done = request_passkey(administrator, kim)
    assert "Kim will be asked to create a passkey at the next login." in said(done)

    for _ in range(2):
        assert log_in(kim) == "/login/setup/passkey/"
        later = press(kim.client, kim.client.get("/login/setup/passkey/"), "Not now")
        assert later.request["PATH_INFO"] == "/portal/"
    assert log_in(kim) == "/login/setup/passkey/"
    assert kim.create_passkey().json() == {"next": "/"}
    assert kim.is_in
    assert log_in(kim) == "/portal/"


def test_row_06_a_request_asks_for_one_more_passkey(administrator, kim):
    kim.add_passkey()
    request_passkey(administrator, kim)

    assert log_in(kim) == "/login/setup/passkey/"


# --- Row 7: the request is deleted ---


def test_row_07_after_the_request_is_deleted_the_user_is_no_longer_asked(administrator, kim):
    request_passkey(administrator, kim)
    done = delete_request(administrator, kim)

    assert "The request is deleted. Kim will no longer be asked for a passkey." in said(done)
    assert log_in(kim) == "/portal/"


def test_row_07_without_an_open_request_the_button_is_there_but_disabled(administrator, kim):
    button = read(window_of(administrator, kim)).dialog.button("Delete current passkey request")
    assert "disabled" in button.attrs

    request_passkey(administrator, kim)
    button = read(window_of(administrator, kim)).dialog.button("Delete current passkey request")
    assert "disabled" not in button.attrs


def test_row_07_a_passkey_that_is_set_up_closes_the_request(administrator, kim):
    request_passkey(administrator, kim)
    log_in(kim)
    kim.create_passkey()

    button = read(window_of(administrator, kim)).dialog.button("Delete current passkey request")
    assert "disabled" in button.attrs


def test_row_07_somebody_half_way_in_is_let_through_once_it_is_deleted(administrator, kim):
    request_passkey(administrator, kim)
    log_in(kim)
    delete_request(administrator, kim)

    assert kim.is_in


# --- Row 8: passkeys are listed and deleted one by one ---


def test_row_08_passkeys_are_listed_below_the_buttons_and_deleted_one_by_one(administrator, kim):
    first, second = kim.add_passkey(), kim.add_passkey()
    window = read(window_of(administrator, kim)).dialog
    section = window.one("section", **{"aria-labelledby": "passkeys"})
    buttons = [button.label for button in section.all("button")]
    assert buttons == [
        "Request new passkey",
        "Delete current passkey request",
        f"Delete passkey {first.name}",
        f"Delete passkey {second.name}",
    ]

    question = press(administrator.client, window_of(administrator, kim), f"Delete passkey {first.name}")
    assert f"Delete passkey “{first.name}”?" in read(question).dialog.words
    done = press(administrator.client, question, "Confirm")
    assert f"The passkey “{first.name}” is deleted." in said(done)
    assert [passkey.pk for passkey in kim.user.passkeys.all()] == [second.pk]


def test_row_08_a_deleted_passkey_lets_nobody_in(administrator, kim):
    passkey = kim.add_passkey()
    press(
        administrator.client,
        press(administrator.client, window_of(administrator, kim), f"Delete passkey {passkey.name}"),
        "Confirm",
    )

    assert kim.use_passkey().status_code == 400
    assert not kim.is_in


def test_row_08_people_delete_their_own(kim):
    passkey = kim.add_passkey()
    kim.use_passkey()
    question = press(kim.client, kim.client.get(OWN), f"Delete passkey {passkey.name}")
    press(kim.client, question, "Confirm")

    assert not Passkey.objects.exists()


# --- Row 9: on for a company ---


def test_row_09_everybody_of_the_company_who_is_not_set_up_is_asked(administrator, company, kim, make_person):
    mia = make_person("mia")
    mia.set_up_app()
    done = switch_company(administrator, company)

    assert "Acme Machines requires two-factor authentication. 1 user will be asked at the next login." in said(done)
    assert log_in(kim) == SET_UP
    assert log_in(mia) == "/login/challenge/"


def test_row_09_so_are_its_future_users(administrator, company, make_person):
    switch_company(administrator, company)

    assert log_in(make_person("newcomer")) == SET_UP


def test_row_09_so_is_whoever_moves_there(administrator, company, other_company, make_person):
    nora = make_person("nora", company=other_company)
    switch_company(administrator, company)
    assert log_in(nora) == "/portal/"
    edit = administrator.client.get(f"{USERS}{nora.user.pk}/")
    press(administrator.client, edit, "Save", company=str(company.pk))

    assert log_in(nora) == SET_UP


def test_row_09_so_are_its_administrators(administrator, company, company_admin):
    switch_company(administrator, company)

    assert log_in(Person(company_admin)) == SET_UP


def test_row_09_nobody_else_is(administrator, company, other_company, make_person):
    nora = make_person("nora", company=other_company)
    switch_company(administrator, company)

    assert log_in(nora) == "/portal/"
    assert administrator.is_in


def test_row_09_they_cannot_get_in_until_it_is_set_up(administrator, company, kim):
    switch_company(administrator, company)
    log_in(kim)
    assert not kim.is_in
    set_up(kim)

    assert kim.is_in


# --- Row 10: off for a company ---


def test_row_10_whoever_is_not_set_up_is_no_longer_asked(administrator, company, kim):
    switch_company(administrator, company)
    assert log_in(kim) == SET_UP
    switch_company(administrator, company)

    assert log_in(kim) == "/portal/"


def test_row_10_whoever_set_it_up_keeps_it(administrator, company, kim):
    switch_company(administrator, company)
    log_in(kim)
    set_up(kim)
    switch_company(administrator, company)

    assert log_in(kim) == "/login/challenge/"
    assert kim.user.recovery_codes.count() == 10


def test_row_10_whoever_was_switched_on_individually_stops_being_asked_too(administrator, company, kim):
    switch_for(administrator, kim)
    switch_company(administrator, company)
    switch_company(administrator, company)

    assert log_in(kim) == "/portal/"
    assert read(window_of(administrator, kim)).dialog.button(SWITCH).attrs["aria-checked"] == "false"


def test_row_10_unless_one_says_to_keep_asking_them(administrator, company, kim, make_person):
    other = make_person("other")
    switch_for(administrator, kim)
    switch_company(administrator, company)
    question = press(administrator.client, administrator.client.get(f"{COMPANIES}{company.pk}/"), SWITCH)
    assert "Keep asking the 1 user switched on individually" in read(question).dialog.words
    press(administrator.client, question, "Confirm", keep="on")

    assert log_in(kim) == SET_UP
    assert log_in(other) == "/portal/"


# --- Row 11: no access to the Settings app ---


def test_row_11_a_member_is_refused_and_told_where_to_go(kim):
    kim.sign_in()
    page = read(kim.client.get("/settings/"), 403)

    assert "You have no access to the Settings app" in page.words
    assert page.links["Open the portal"] == "/portal/"
    assert "Settings Users, companies, security" not in page.words  # not in the app switcher


@pytest.mark.parametrize("method", ["get", "post", "put", "head"])
def test_row_11_everything_under_it_is_refused(kim, company, method):
    kim.sign_in()
    passkey = kim.add_passkey()
    own = f"{USERS}{kim.user.pk}/"
    addresses = [
        "/settings/",
        USERS,
        f"{USERS}new/",
        own,
        f"{own}deactivate/",
        f"{own}activate/",
        f"{own}sign-out/",
        f"{own}invite/",
        f"{own}mfa/",
        f"{own}mfa/two-factor/on/",
        f"{own}mfa/two-factor/off/",
        f"{own}mfa/passkeys/request/",
        f"{own}mfa/passkeys/request/delete/",
        f"{own}mfa/passkeys/{passkey.pk}/delete/",
        COMPANIES,
        f"{COMPANIES}new/",
        f"{COMPANIES}{company.pk}/",
        f"{COMPANIES}{company.pk}/edit/",
        f"{COMPANIES}{company.pk}/two-factor/on/",
        f"{COMPANIES}{company.pk}/two-factor/off/",
        f"{COMPANIES}{company.pk}/sign-out/",
    ]

    assert {getattr(kim.client, method)(address).status_code for address in addresses} == {403}
    assert Passkey.objects.count() == 1
    assert not PasskeyRequest.objects.exists()


def test_row_11_a_script_is_refused_with_a_code(kim):
    kim.sign_in()
    answer = kim.client.get(USERS, HTTP_ACCEPT="application/json")

    assert (answer.status_code, answer.json()) == (403, {"error": "no_access"})


@pytest.mark.parametrize("app", ["/portal/", "/m2s/"])
def test_row_11_their_own_settings_still_open_from_the_other_apps(kim, app):
    kim.sign_in()
    page = read(kim.client.get(app))
    settings = read(kim.client.get(page.links["User settings"]))

    assert headings(kim.client.get(settings.links["Multi-factor authentication"]))


# --- Decision: next login means next login ---


def test_decision_an_open_session_goes_on(administrator, company, kim):
    kim.sign_in()
    switch_for(administrator, kim)
    switch_company(administrator, company)
    request_passkey(administrator, kim)
    assert kim.is_in

    assert log_in(kim) == SET_UP


def test_decision_sign_out_now_brings_the_rule_at_once(administrator, kim, make_person):
    other = make_person("other")
    for person in (kim, other):
        person.sign_in()
    switch_for(administrator, kim, sign_out="on")

    assert kim.asked_for == "/login/"
    assert other.is_in
    assert log_in(kim) == SET_UP


def test_decision_sign_out_now_ends_a_whole_companys_sessions(administrator, company, kim, make_person):
    other = make_person("other")
    for person in (kim, other):
        person.sign_in()
    switch_company(administrator, company, sign_out="on")

    assert (kim.asked_for, other.asked_for) == ("/login/", "/login/")


@pytest.mark.parametrize("app", [False, True])
def test_decision_sign_out_now_is_beside_every_such_change_where_somebody_is_signed_in(
    administrator, company, kim, app
):
    if app:
        kim.set_up_app()
    kim.sign_in()
    questions = [
        press(administrator.client, window_of(administrator, kim), SWITCH),
        press(administrator.client, administrator.client.get(f"{COMPANIES}{company.pk}/"), SWITCH),
    ]

    for question in questions:
        assert len(read(question).dialog.all("input", name="sign_out")) == 1


# --- Decision: setting up turns the person's own switch on ---


def test_decision_setting_up_turns_the_own_switch_on_whoever_required_it(administrator, company, kim):
    switch_company(administrator, company)
    log_in(kim)
    assert not User.objects.get(pk=kim.user.pk).two_factor_enabled
    set_up(kim)

    assert User.objects.get(pk=kim.user.pk).two_factor_enabled
    switch_company(administrator, company)
    assert read(window_of(administrator, kim)).dialog.button(SWITCH).attrs["aria-checked"] == "true"


def test_decision_setting_up_of_ones_own_accord_does_it_too(kim):
    kim.sign_in()
    set_up(kim, "/user-settings/mfa/two-factor/set-up/")

    assert User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert log_in(kim) == "/login/challenge/"


# --- Decision: a passkey request asks, it does not lock out ---


def test_decision_not_now_goes_on_and_the_next_login_asks_again(administrator, kim):
    request_passkey(administrator, kim)
    log_in(kim)
    press(kim.client, kim.client.get("/login/setup/passkey/"), "Not now")
    assert kim.is_in

    assert log_in(kim) == "/login/setup/passkey/"


def test_decision_two_factor_set_up_has_no_not_now(administrator, kim):
    switch_for(administrator, kim)
    log_in(kim)

    assert kim.client.post(SET_UP, {"later": ""}).status_code == 400
    assert not kim.is_in


# --- Decision: a passkey is two factors at once ---


def test_decision_signing_in_with_a_passkey_needs_neither_password_nor_code(kim):
    kim.set_up_app()
    kim.add_passkey()

    assert kim.use_passkey().json() == {"next": "/"}
    assert kim.is_in


def test_decision_a_pending_set_up_is_still_asked_for_after_a_passkey(administrator, kim):
    kim.add_passkey()
    switch_for(administrator, kim)

    assert kim.use_passkey().json() == {"next": SET_UP}
    assert not kim.is_in


# --- Decision: off for somebody whose company requires it ---


def test_decision_off_under_a_company_rule_removes_it_and_they_are_asked_again(administrator, company, kim):
    switch_company(administrator, company)
    kim.set_up_app()
    question = press(administrator.client, window_of(administrator, kim), SWITCH)
    assert (
        "Acme Machines still requires it: Kim will be asked to set it up again at the next login."
        in read(question).dialog.words
    )
    done = press(administrator.client, question, "Confirm")

    assert "Removed. Acme Machines requires it: Kim will be asked to set it up at the next login." in said(done)
    assert kim.user.authenticator_apps.count() == 0
    assert log_in(kim) == SET_UP


# --- Decision: a second request changes nothing ---


def test_decision_a_second_request_changes_nothing_and_says_who_asked_and_when(administrator, company_admin, kim):
    carla = Person(company_admin)
    carla.sign_in()
    request_passkey(carla, kim)
    before = PasskeyRequest.objects.values().get()
    again = request_passkey(administrator, kim)

    assert PasskeyRequest.objects.values().get() == before
    assert "A request is open already. Requested by Carla Reyes today, " in said(again)
    assert AuditEvent.objects.filter(action=Action.PASSKEY_REQUESTED).count() == 1


# --- Decision: 2FA off, passkey present ---


def test_decision_with_a_passkey_and_2fa_off_the_password_is_enough(kim):
    kim.add_passkey()

    assert log_in(kim) == "/portal/"


# --- Decision: before a new factor is added, an existing one is proved ---


def test_decision_a_password_alone_never_chooses_a_new_app(kim):
    kim.set_up_app()
    log_in(kim)

    assert kim.client.get(SET_UP).headers["Location"] == "/login/challenge/"
    assert kim.client.post(SET_UP, {"code": "000000"}).headers["Location"] == "/login/challenge/"


def test_decision_a_stolen_password_cannot_add_an_app_beside_a_passkey(administrator, kim):
    kim.add_passkey()
    switch_for(administrator, kim)

    assert log_in(kim) == "/login/challenge/"
    assert kim.client.get(SET_UP).headers["Location"] == "/login/challenge/"
    kim.use_passkey()
    assert kim.asked_for == SET_UP


@pytest.mark.parametrize("held", ["app", "passkey"])
def test_decision_a_stolen_password_cannot_answer_a_passkey_request(administrator, kim, held):
    if held == "app":
        kim.set_up_app()
    else:
        kim.add_passkey()
    request_passkey(administrator, kim)
    log_in(kim)

    assert kim.json("/passkeys/registration/options/", {}).status_code == 403
    assert Passkey.objects.count() == (held == "passkey")


def test_decision_a_signed_in_password_session_with_a_passkey_proves_it_first(kim):
    kim.add_passkey()
    log_in(kim)
    assert kim.is_in

    assert kim.client.get("/user-settings/mfa/two-factor/set-up/").headers["Location"].startswith("/confirm/")
    assert kim.json("/passkeys/registration/options/", {}).status_code == 403


def test_decision_whoever_has_no_factor_enrols_on_the_password_alone(administrator, kim):
    switch_for(administrator, kim)
    log_in(kim)
    set_up(kim)

    assert kim.is_in


# --- Decision: users switch their own 2FA as administrators do ---


def test_decision_people_switch_their_own_on_and_off(kim):
    kim.sign_in()
    on = switch(kim, kim.client.get(OWN))
    assert "You will be asked to set up two-factor authentication at the next login." in said(on)
    off = switch(kim, kim.client.get(OWN))
    assert "You will no longer be asked to set up two-factor authentication." in said(off)

    assert log_in(kim) == "/portal/"


def test_decision_after_confirming_who_they_are(kim):
    kim.set_up_app()
    kim.sign_in()
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=16)):
        question = press(kim.client, kim.client.get(OWN), SWITCH)
        assert question.request["PATH_INFO"] == "/confirm/"
        assert kim.user.authenticator_apps.count() == 1
        asked = press(kim.client, question, "Verify", code=kim.code())
        done = press(kim.client, asked, "Confirm")

    assert "Two-factor authentication is off. User name and password are enough again." in said(done)
    assert log_in(kim) == "/portal/"


def test_decision_while_the_company_requires_it_they_cannot_switch_it_off(administrator, company, kim):
    kim.set_up_app()
    switch_company(administrator, company)
    kim.sign_in()

    assert "disabled" in read(kim.client.get(OWN)).dialog.button(SWITCH).attrs
    answer = kim.client.post(f"{OWN}two-factor/off/", follow=True)
    assert "Acme Machines requires two-factor authentication." in said(answer)
    assert kim.user.authenticator_apps.count() == 1
    assert log_in(kim) == "/login/challenge/"


def test_decision_but_they_can_set_it_up_anew_and_the_old_app_works_until_then(administrator, company, kim):
    kim.set_up_app()
    switch_company(administrator, company)
    kim.sign_in()
    old = kim.app_key
    begun = press(kim.client, kim.client.get(OWN), "Set up the app again")

    phone = Person(kim.user, app_key=old)
    phone.enter_password()
    phone.enter_code(phone.code(1))
    assert phone.is_in

    take_app(kim, begun, "Use this app from now on")
    assert kim.app_key != old
    phone = Person(kim.user, app_key=old)
    phone.enter_password()
    assert phone.enter_code(phone.code(1)).status_code == 400


# --- Decision: nobody sees, sets or adds a factor for somebody else ---


def test_decision_an_administrator_sees_no_secret_and_adds_nothing(administrator, kim):
    kim.set_up_app()
    kim.add_passkey()
    window = read(window_of(administrator, kim)).dialog
    names = [button.label for button in window.all("button")]

    for name in ("Set up the app again", "Set up now", "New recovery codes", "Create a passkey"):
        assert name not in names
    text = window_of(administrator, kim).content.decode()
    assert "data-signals" not in text
    assert not any(code in text for code in kim.codes)


@pytest.mark.parametrize(
    "act", ["two-factor/set-up/", "recovery-codes/", "recovery-codes/new/", "passkeys/new/", "passkeys/registration/"]
)
def test_decision_there_is_no_address_to_set_somebody_elses_factor(administrator, kim, act):
    for answer in (
        administrator.client.get(f"{USERS}{kim.user.pk}/mfa/{act}"),
        administrator.client.post(f"{USERS}{kim.user.pk}/mfa/{act}"),
    ):
        assert answer.status_code == 404


def test_decision_an_administrator_does_not_rename_somebody_elses_passkey(administrator, kim):
    passkey = kim.add_passkey()

    assert administrator.client.post(f"{OWN}passkeys/{passkey.pk}/rename/", {"name": "x"}).status_code == 404
    assert (
        administrator.client.post(f"{USERS}{kim.user.pk}/mfa/passkeys/{passkey.pk}/rename/", {"name": "x"}).status_code
        == 404
    )


def test_decision_a_secret_is_shown_to_its_owner_once(kim):
    kim.sign_in()
    set_up(kim, "/user-settings/mfa/two-factor/set-up/")
    later = kim.client.get("/user-settings/mfa/recovery-codes/", follow=True)

    assert len(kim.codes) == 10
    assert not any(code in later.content.decode() for code in kim.codes)
    assert not any(
        code.encode() in bytes(kept.sealed_digest) for code in kim.codes for kept in RecoveryCode.objects.all()
    )


# --- Decision: one service per act ---


def test_decision_the_same_act_leaves_the_same_line_whoever_does_it(administrator, kim, make_person):
    mia = make_person("mia")
    mia.sign_in()
    for actor, window in ((administrator, lambda: window_of(administrator, kim)), (mia, lambda: mia.client.get(OWN))):
        switch(actor, window())
        switch(actor, window())
        press(actor.client, window(), "Request new passkey")
        press(actor.client, window(), "Delete current passkey request")

    def lines(person):
        ours = AuditEvent.objects.filter(subject=person.user).exclude(action=Action.SIGNED_IN).order_by("id")
        return [(line.action, line.details, line.company_id) for line in ours]

    assert lines(kim) == lines(mia)
    assert [action for action, _details, _company in lines(kim)] == [
        Action.TWO_FACTOR_ENABLED,
        Action.TWO_FACTOR_DISABLED,
        Action.PASSKEY_REQUESTED,
        Action.PASSKEY_REQUEST_DELETED,
    ]
    assert set(AuditEvent.objects.filter(subject=kim.user).values_list("actor__username", flat=True)) == {"petra"}


def test_decision_every_line_says_who_on_whom_from_where(administrator, kim):
    switch_for(administrator, kim)
    line = AuditEvent.objects.get(action=Action.TWO_FACTOR_ENABLED)

    assert (line.actor, line.subject, line.company) == (administrator.user, kim.user, kim.user.company)
    assert line.address == "127.0.0.1"
    assert "Chrome" in line.browser
    assert abs(datetime.now(UTC) - line.at) < timedelta(minutes=1)


def test_a_company_row_is_not_confused_by_another_company(administrator, company, other_company, make_person):
    Company.objects.filter(pk=other_company.pk).update(two_factor_enabled=True)
    nora = make_person("nora", company=other_company)
    switch_company(administrator, company)
    switch_company(administrator, company)

    assert log_in(nora) == SET_UP


def test_the_words_of_the_window_never_name_a_technique(administrator, kim):
    kim.set_up_app()
    kim.add_passkey()
    request_passkey(administrator, kim)
    kim.client = Person(kim.user).client
    kim.enter_password(PASSWORD)
    kim.enter_code()
    for answer in (
        window_of(administrator, kim),
        kim.client.get("/login/setup/passkey/"),
        administrator.client.get(OWN),
    ):
        words = read(answer).words
        assert not re.search(r"OTP|token|FIDO|WebAuthn", words, re.IGNORECASE)
