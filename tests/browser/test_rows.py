"""The eleven rows of DESIGN.md, section 2, as people do them: with the mouse, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from accounts.models import Role
from mfa import services
from tests.people import Person

if TYPE_CHECKING:
    from companies.models import Company
    from tests.browser.pages import Desk

SET_UP = "/login/setup/two-factor/"
SET_UP_PASSKEY = "/login/setup/passkey/"
USERS = "/settings/administration/users/"


@pytest.fixture
def petra(administrator, at) -> Desk:
    """The administrator at her browser, in the Settings app."""
    desk = at(administrator)
    desk.bring_session()
    desk.open("/settings/")
    return desk


def has_both_sections(desk: Desk) -> None:
    expect(desk.window.get_by_role("heading", level=3)).to_have_text(
        ["Two-factor authentication (2FA)", "Passkey authentication"]
    )


def flip(desk: Desk, *, on: bool) -> None:
    """Press the switch, confirm, and see it the other way round."""
    expect(desk.switch).to_have_attribute("aria-checked", "false" if on else "true")
    desk.switch.click()
    desk.confirm()
    expect(desk.switch).to_have_attribute("aria-checked", "true" if on else "false")


def is_let_in(desk: Desk) -> None:
    """Past the login: the portal opens, and has a user menu."""
    expect(desk.button("User menu")).to_be_visible()
    desk.open("/portal/")
    desk.is_on("/portal/")


def cannot_get_in(desk: Desk, step: str) -> None:
    """Wherever they go, the step of the login comes first."""
    desk.is_on(step)
    for path in ("/", "/portal/", "/m2s/", "/user-settings/", "/user-settings/mfa/", USERS, "/login/"):
        desk.open(path)
        desk.is_on(step)


def test_row_01_the_row_menu_opens_the_window_with_its_two_sections(petra, kim):
    petra.open_window_of("kim")

    has_both_sections(petra)
    expect(petra.window).to_contain_text("Kim Hansen, Acme Machines")
    petra.is_on(f"{USERS}{kim.user.pk}/mfa/")


@pytest.mark.parametrize("app", ["Settings", "Portal", "m2s"])
def test_row_02_the_user_menu_opens_ones_own_window_in_every_app(app, petra):
    if app != "Settings":
        petra.page.get_by_role("navigation", name="Apps").get_by_role("button").click()
        petra.page.get_by_role("navigation", name="Apps").get_by_role("link", name=app).click()
    expect(petra.page.get_by_role("navigation", name="Apps").get_by_role("button")).to_contain_text(app)

    petra.open_own_window()

    has_both_sections(petra)
    expect(petra.window).to_contain_text("Petra Vogt")
    petra.is_on("/user-settings/mfa/")


def test_row_03_switched_on_the_next_login_asks_to_set_up_and_lets_nobody_in_without(petra, kim, at):
    petra.open_window_of("kim")
    flip(petra, on=True)
    petra.sees("Kim will be asked to set up two-factor authentication at the next login.")
    expect(petra.window).to_contain_text("Asked at next login")
    expect(petra.window).to_contain_text("Switched on by you today")

    desk = at(kim)
    desk.sign_in()
    cannot_get_in(desk, SET_UP)
    expect(desk.page.get_by_role("img", name="QR code")).to_be_visible()
    desk.set_up_app()
    desk.save_codes()
    is_let_in(desk)

    desk.sign_out()
    desk.sign_in()
    cannot_get_in(desk, "/login/challenge/")
    desk.enter_code(kim.code(1))
    is_let_in(desk)


def test_row_04_switched_off_the_configuration_is_removed_and_the_password_is_enough(petra, kim, at):
    kim.set_up_app()
    petra.open_window_of("kim")
    expect(petra.window).to_contain_text("10 of 10 recovery codes left")
    petra.switch.click()
    petra.sees("Kim’s authenticator app and 10 recovery codes are removed.")
    petra.sees("Kim has no other method and will sign in with user name and password only.")
    petra.confirm()
    petra.sees("Two-factor authentication is off for Kim. User name and password are enough again.")
    expect(petra.switch).to_have_attribute("aria-checked", "false")

    desk = at(kim)
    desk.sign_in()
    is_let_in(desk)
    assert not kim.user.authenticator_apps.exists()
    assert not kim.user.recovery_codes.exists()


def test_row_05_switched_off_before_it_is_set_up_they_are_no_longer_asked(petra, kim, at):
    services.enable_two_factor(kim.user, actor=petra.person.user)
    desk = at(kim)
    desk.sign_in()
    desk.is_on(SET_UP)

    petra.open_window_of("kim")
    flip(petra, on=False)
    petra.sees("Kim will no longer be asked to set up two-factor authentication.")

    desk.open("/")
    is_let_in(desk)
    desk.sign_out()
    desk.sign_in()
    is_let_in(desk)


def test_row_06_a_requested_passkey_is_asked_for_at_every_login_until_it_is_there(petra, kim, at):
    petra.open_window_of("kim")
    petra.button("Request new passkey").click()
    petra.sees("Kim will be asked to create a passkey at the next login.")
    petra.sees("Requested by you today")

    desk = at(kim)
    device = desk.device()
    for _login in range(2):
        desk.sign_in()
        desk.is_on(SET_UP_PASSKEY)
        desk.sees("Petra Vogt asks you to create one.")
        desk.button("Not now").click()
        is_let_in(desk)
        desk.sign_out()
    desk.sign_in()
    desk.button("Create a passkey").click()
    is_let_in(desk)

    device.hold()
    desk.sign_out()
    desk.sign_in()
    is_let_in(desk)


def test_row_07_a_request_can_be_deleted_and_only_while_it_is_open(petra, kim, at):
    petra.open_window_of("kim")
    expect(petra.button("Delete current passkey request")).to_be_disabled()
    petra.button("Request new passkey").click()
    expect(petra.button("Delete current passkey request")).to_be_enabled()
    petra.button("Request new passkey").click()
    petra.sees("A request is open already. Requested by you today")

    petra.button("Delete current passkey request").click()
    petra.sees("The request is deleted. Kim will no longer be asked for a passkey.")
    expect(petra.button("Delete current passkey request")).to_be_disabled()
    desk = at(kim)
    desk.sign_in()
    is_let_in(desk)


def test_row_08_passkeys_are_listed_below_the_buttons_and_deleted_one_by_one(petra, kim):
    first, second = kim.add_passkey(), kim.add_passkey()
    assert first.name != second.name
    petra.open_window_of("kim")
    listed = petra.window.get_by_role("list", name="Passkeys of Kim Hansen").get_by_role("listitem")
    expect(listed).to_contain_text([first.name, second.name])
    below = petra.button("Delete current passkey request").bounding_box()
    assert below is not None
    assert listed.first.bounding_box()["y"] > below["y"] + below["height"]

    petra.button(f"Delete passkey {first.name}").click()
    expect(petra.dialog).to_contain_text("Kim keeps 1 other passkey.")
    petra.confirm()
    petra.sees(f"The passkey “{first.name}” is deleted.")
    expect(listed).to_have_count(1)
    expect(listed).to_contain_text(second.name)

    petra.button(f"Delete passkey {second.name}").click()
    expect(petra.dialog).to_contain_text("Kim has no other method left")
    petra.confirm()
    petra.sees("Kim has no passkey yet.")
    assert not kim.user.passkeys.exists()


def test_row_09_a_company_that_requires_it_asks_todays_and_future_users(
    petra, company, kim, make_person, at, mailoutbox
):
    amelie = make_person("amelie")
    amelie.set_up_app()
    petra.open_company("Acme Machines")
    expect(petra.page.get_by_role("main")).to_contain_text("If you switch it on, 1 of 2 users are asked")
    petra.switch.click()
    expect(petra.dialog).to_contain_text("has never signed in")
    expect(petra.dialog).to_contain_text("is set up and notices nothing")
    petra.confirm()
    petra.sees("Acme Machines requires two-factor authentication. 1 user will be asked at the next login.")
    expect(petra.switch).to_have_attribute("aria-checked", "true")

    desk = at(kim)
    desk.sign_in()
    cannot_get_in(desk, SET_UP)
    desk.sees("Acme Machines has required two-factor authentication since today.")
    desk = at(amelie)
    desk.sign_in()
    desk.enter_code(amelie.code())
    is_let_in(desk)

    petra.administration("User").click()
    petra.link("New user").click()
    petra.field("User name").fill("nora")
    petra.field("E-mail").fill("nora@acme.example")
    petra.page.get_by_label("Company").fill("Acme Machines")
    petra.button("Create and invite").click()
    petra.sees("nora is invited")
    nora = Person(company.users.get(username="nora"))
    desk = at(nora)
    desk.open(re.search(r"https?://\S+/invitation/\S+", mailoutbox[-1].body)[0])
    desk.page.get_by_label("New password", exact=True).fill("quiet river under stars")
    desk.page.get_by_label("New password, again").fill("quiet river under stars")
    desk.button("Save the password").click()
    desk.enter_password("quiet river under stars")
    cannot_get_in(desk, SET_UP)


@pytest.fixture
def required(company, admin, make_person) -> Company:
    """Acme requires 2FA; Daniel has set it up, Tom is asked individually too."""
    company.two_factor_enabled = True
    company.save()
    make_person("daniel").set_up_app()
    services.enable_two_factor(make_person("tom").user, actor=admin)
    return company


def user(company: Company, username: str) -> Person:
    return Person(company.users.get(username=username))


def test_row_10_a_company_that_no_longer_requires_it_asks_nobody_and_takes_nothing_away(petra, required, kim, at):
    kim_at = at(kim)
    kim_at.sign_in()
    kim_at.is_on(SET_UP)
    petra.open_company("Acme Machines")
    petra.switch.click()
    expect(petra.dialog).to_contain_text("has set it up and keeps it")
    expect(petra.dialog).to_contain_text("are not asked at their first login")
    keep = petra.page.get_by_role("checkbox", name="Keep asking the 1 user switched on individually")
    expect(keep).not_to_be_checked()
    petra.confirm()
    petra.sees("Acme Machines no longer requires two-factor authentication. 2 users are no longer asked.")
    expect(petra.switch).to_have_attribute("aria-checked", "false")

    kim_at.open("/")
    is_let_in(kim_at)
    tom_at = at(user(required, "tom"))
    tom_at.sign_in()
    is_let_in(tom_at)
    assert not user(required, "tom").user.two_factor_enabled
    daniel_at = at(user(required, "daniel"))
    daniel_at.sign_in()
    daniel_at.is_on("/login/challenge/")


def test_row_10_both_boxes_ticked_asks_the_individuals_still_and_ends_all_sessions(petra, required, make_person, at):
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    carla.set_up_app()
    carla_at = at(carla)
    carla_at.arrive("/portal/")
    is_let_in(carla_at)

    petra.open_company("Acme Machines")
    petra.switch.click()
    petra.page.get_by_role("checkbox", name="Keep asking the 1 user switched on individually").check()
    petra.page.get_by_role("checkbox", name="Sign out now").check()
    expect(petra.dialog).to_contain_text("Ends the sessions of all 3 users at once.")
    petra.confirm()
    petra.sees("Acme Machines no longer requires two-factor authentication. 0 users are no longer asked.")

    carla_at.open("/portal/")
    carla_at.is_on("/login/")
    tom_at = at(user(required, "tom"))
    tom_at.sign_in()
    cannot_get_in(tom_at, SET_UP)


@pytest.mark.parametrize(
    "path",
    [
        "/settings/",
        USERS,
        f"{USERS}new/",
        "/settings/administration/companies/",
        "/settings/administration/companies/new/",
    ],
)
def test_row_11_without_access_the_settings_app_is_refused(path, kim, at):
    desk = at(kim)
    desk.arrive("/portal/")
    answer = desk.page.goto(path)
    assert answer.status == 403
    expect(desk.heading("You have no access to the Settings app")).to_be_visible()
    expect(desk.link("User settings")).to_be_visible()


def test_row_11_without_access_one_finds_nothing_of_it_and_keeps_ones_own_settings(kim, company, at):
    other = Person(company.users.create(username="other"))
    desk = at(kim)
    desk.arrive("/portal/")
    for path in ("/portal/", "/m2s/"):
        desk.open(path)
        apps = desk.page.get_by_role("navigation", name="Apps")
        apps.get_by_role("button").click()
        expect(apps.get_by_role("link")).to_contain_text(["Portal", "m2s"])
        desk.page.keyboard.press("Escape")
        desk.open_own_window()
        has_both_sections(desk)
    for path in (f"{USERS}{other.user.pk}/mfa/", f"/settings/administration/companies/{company.pk}/"):
        assert desk.page.goto(path).status == 403


def test_signed_in_sessions_go_on_until_the_next_login_unless_sign_out_now_is_ticked(petra, kim, at):
    desk = at(kim)
    desk.arrive("/portal/")
    petra.open_window_of("kim")
    flip(petra, on=True)
    is_let_in(desk)

    petra.switch.click()
    petra.page.get_by_role("checkbox", name="Sign out now").check()
    expect(petra.dialog).to_contain_text("Ends Kim’s 1 session at once.")
    petra.confirm()
    petra.sees("Kim will no longer be asked")
    desk.open("/portal/")
    desk.is_on("/login/")


def test_people_switch_their_own_on_and_off_with_the_same_words(kim, at):
    desk = at(kim)
    desk.arrive("/portal/")
    desk.open_own_window()
    flip(desk, on=True)
    desk.sees("You will be asked to set up two-factor authentication at the next login.")
    flip(desk, on=False)
    desk.sees("You will no longer be asked to set up two-factor authentication.")


def test_ones_own_switch_is_locked_while_the_company_requires_it(kim, company, at):
    kim.set_up_app()
    company.two_factor_enabled = True
    company.save()
    desk = at(kim)
    desk.arrive("/portal/")
    desk.open_own_window()
    expect(desk.switch).to_be_disabled()
    desk.sees("It stays on while your company requires it.")
    expect(desk.button("Set up the app again")).to_be_enabled()


@pytest.mark.parametrize(
    "page",
    ["users", "user", "user_new", "user_mfa:window", "companies", "company", "company_new", "company_edit", "home"],
)
def test_the_names_that_others_rely_on_name_one_thing_on_every_page_of_the_settings_app(page, petra, kim, company):
    """DESIGN.md, section 3: the links "User" and "Company" are the entries of the navigation."""
    about = {"user": kim.user, "user_mfa:window": kim.user, "company": company, "company_edit": company}.get(page)
    petra.open(reverse(f"settings:{page}", args=[about.pk] if about else []))
    petra.page.evaluate("document.querySelector('dialog')?.close()")
    assert {name: petra.link(name).count() for name in ("User", "Company")} == {"User": 1, "Company": 1}
