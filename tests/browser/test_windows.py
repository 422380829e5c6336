"""The window over the list: its own address, the browser's buttons, the keyboard, and somebody else at the same time."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from audit.models import AuditEvent
from audit.vocabulary import Action
from mfa import services
from tests.browser.pages import key_on
from tests.people import key_of, with_key

if TYPE_CHECKING:
    from tests.browser.pages import Desk

USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"


def open_window(desk: Desk, username: str = "kim") -> None:
    desk.button(f"Actions for {username}").click()
    desk.link("Multi-factor authentication").click()
    expect(desk.window).to_be_visible()


def is_closed(desk: Desk) -> None:
    expect(desk.dialog).to_have_count(0)
    desk.is_on(USERS)


def menu_is_open(desk: Desk, username: str = "kim") -> bool:
    menu = desk.button(f"Actions for {username}").get_attribute("popovertarget")
    return bool(desk.page.locator(f"#{menu}").evaluate("menu => menu.matches(':popover-open')"))


# --- The window, its address, and the browser's buttons ---


def test_the_window_opens_over_the_list_without_loading_the_page_anew(petra, kim):
    petra.page.evaluate("document.body.dataset.mark = 'same page'")
    open_window(petra)
    assert petra.window.evaluate("dialog => dialog.matches(':modal')")
    assert petra.page.locator("body").get_attribute("data-mark") == "same page"
    expect(petra.page.locator("#window-title")).to_be_focused()
    expect(petra.page.locator("tr", has_text="Kim Hansen")).to_be_visible()
    petra.is_on(f"{USERS}{kim.user.pk}/mfa/")


def test_the_title_names_the_window_and_what_it_asks_and_then_the_page_again(petra, kim):
    kim.set_up_app()
    petra.page.reload()
    petra.button("Actions for kim").click()
    petra.link("Multi-factor authentication").click()
    expect(petra.page).to_have_title("Multi-factor authentication, Kim Hansen · m2v")
    petra.switch.click()
    expect(petra.page).to_have_title("Switch off two-factor authentication for Kim Hansen? · m2v")
    petra.page.keyboard.press("Escape")
    expect(petra.page).to_have_title("Multi-factor authentication, Kim Hansen · m2v")
    petra.page.keyboard.press("Escape")
    is_closed(petra)
    expect(petra.page).to_have_title("User · m2v")


def test_the_windows_address_opens_it_over_the_heading_of_the_list(petra, kim):
    petra.open(f"{USERS}{kim.user.pk}/mfa/")
    expect(petra.page).to_have_title("Multi-factor authentication, Kim Hansen · User · m2v")
    assert petra.window.evaluate("dialog => dialog.matches(':modal')")
    expect(petra.page.locator("h1")).to_have_text("User")
    expect(petra.page.locator("tr")).to_have_count(0)
    petra.page.reload()
    expect(petra.window).to_be_visible()
    petra.button("Close").click()
    is_closed(petra)
    expect(petra.page.locator("tr", has_text="Kim Hansen")).to_be_visible()


def test_reload_back_and_forward(petra, kim):
    open_window(petra)
    petra.page.reload()
    expect(petra.window).to_be_visible()
    petra.page.go_back()
    is_closed(petra)
    petra.page.go_forward()
    expect(petra.window).to_be_visible()
    petra.page.go_back()
    is_closed(petra)


@pytest.mark.parametrize("way", ["Close", "Escape", "outside", "back"])
def test_every_way_out_leads_to_the_list_and_the_menu_button(way, petra, kim):
    open_window(petra)
    if way == "Close":
        petra.button("Close").click()
    elif way == "Escape":
        petra.page.keyboard.press("Escape")
    elif way == "outside":
        petra.page.mouse.click(5, 400)
    else:
        petra.page.go_back()
    is_closed(petra)
    expect(petra.button("Actions for kim")).to_be_focused()


@pytest.mark.parametrize("way", ["Close", "Escape"])
def test_closing_shows_what_was_done(way, petra, kim):
    open_window(petra)
    petra.button("Request new passkey").click()
    petra.sees("Kim will be asked to create a passkey at the next login.")
    petra.button("Close").click() if way == "Close" else petra.page.keyboard.press("Escape")
    is_closed(petra)
    expect(petra.page.locator("tr", has_text="Kim Hansen")).to_contain_text("Requested")


@pytest.mark.parametrize("way", ["Cancel", "Escape"])
def test_a_confirmation_that_is_cancelled_leads_back_to_the_window(way, petra, kim):
    open_window(petra)
    petra.switch.click()
    expect(petra.button("Cancel")).to_be_focused()
    petra.button("Cancel").click() if way == "Cancel" else petra.page.keyboard.press("Escape")
    expect(petra.window).to_be_visible()
    expect(petra.switch).to_have_attribute("aria-checked", "false")
    expect(petra.switch).to_be_focused()
    petra.page.keyboard.press("Escape")
    is_closed(petra)


def test_after_an_act_one_close_is_enough_and_back_does_not_repeat_it(petra, kim):
    open_window(petra)
    petra.switch.click()
    petra.confirm()
    expect(petra.switch).to_have_attribute("aria-checked", "true")
    petra.button("Close").click()
    is_closed(petra)
    petra.page.go_forward()
    expect(petra.window).to_be_visible()
    expect(petra.switch).to_have_attribute("aria-checked", "true")
    kim.user.refresh_from_db()
    assert kim.user.two_factor_enabled


def test_the_search_and_the_page_survive_the_window(petra, kim):
    petra.page.get_by_role("searchbox", name="Search users").fill("kim")
    petra.page.keyboard.press("Enter")
    expect(petra.page).to_have_url(re.compile(r"\?.*q=kim"))
    open_window(petra)
    petra.page.reload()
    petra.button("Close").click()
    expect(petra.dialog).to_have_count(0)
    expect(petra.page).to_have_url(re.compile(rf"{USERS}\?.*q=kim"))
    expect(petra.page.get_by_role("searchbox", name="Search users")).to_have_value("kim")


def test_a_middle_click_opens_it_in_a_tab_of_its_own(petra, kim):
    petra.button("Actions for kim").click()
    with petra.page.context.expect_page() as opened:
        petra.link("Multi-factor authentication").click(button="middle")
    petra.page = opened.value
    expect(petra.window).to_be_visible()
    petra.switch.click()
    petra.confirm()
    petra.sees("Kim will be asked to set up two-factor authentication")
    petra.button("Close").click()
    is_closed(petra)


def test_ones_own_window_opens_over_the_user_settings_and_closes_to_the_link_it_came_from(petra):
    petra.open("/user-settings/")
    petra.link("Multi-factor authentication").click()
    expect(petra.window).to_be_visible()
    petra.is_on("/user-settings/mfa/")
    petra.page.keyboard.press("Escape")
    petra.is_on("/user-settings/")
    expect(petra.dialog).to_have_count(0)
    expect(petra.link("Multi-factor authentication")).to_be_focused()


def test_a_double_click_on_confirm_acts_once(petra, kim):
    open_window(petra)
    petra.switch.click()
    petra.button("Confirm").dblclick()
    expect(petra.switch).to_have_attribute("aria-checked", "true")
    assert AuditEvent.objects.filter(action=Action.TWO_FACTOR_ENABLED, subject=kim.user).count() == 1


def test_the_companys_confirmation_opens_over_its_page_and_leads_back(petra, company):
    petra.open(f"{COMPANIES}{company.pk}/")
    for way in ("Cancel", "Escape"):
        petra.switch.click()
        expect(petra.button("Cancel")).to_be_focused()
        petra.button("Cancel").click() if way == "Cancel" else petra.page.keyboard.press("Escape")
        expect(petra.dialog).to_have_count(0)
        petra.is_on(f"{COMPANIES}{company.pk}/")
        expect(petra.switch).to_have_attribute("aria-checked", "false")


# --- The keyboard alone ---


@pytest.mark.row("WCAG-2.1.1")
def test_row_3_by_keyboard_alone(administrator, kim, at):
    desk = at(administrator)
    desk.open("/login/")
    press, write = desk.page.keyboard.press, desk.page.keyboard.type
    desk.tab_to("User name")
    write("petra")
    press("Tab")
    write("correct horse battery staple")
    press("Enter")
    desk.is_on("/settings/")
    desk.tab_to("User")
    press("Enter")
    desk.is_on(USERS)
    desk.tab_to("Actions for kim")
    press("Enter")
    desk.tab_to("Multi-factor authentication")
    press("Enter")
    expect(desk.window).to_be_visible()
    desk.tab_to("Two-factor authentication")
    expect(desk.switch).to_be_focused()
    press("Space")
    expect(desk.button("Cancel")).to_be_focused()
    desk.tab_to("Confirm")
    press("Enter")
    desk.sees("Kim will be asked to set up two-factor authentication at the next login.")
    press("Escape")
    is_closed(desk)
    expect(desk.button("Actions for kim")).to_be_focused()

    own = at(kim)
    own.open("/login/")
    press, write = own.page.keyboard.press, own.page.keyboard.type
    own.tab_to("User name")
    write("kim")
    press("Tab")
    write("correct horse battery staple")
    press("Enter")
    own.is_on("/login/setup/two-factor/")
    kim.app_key = key_on(own.page)
    own.tab_to("Code")
    write(kim.code())
    own.is_on("/login/setup/recovery-codes/")
    own.tab_to("I have saved my recovery codes")
    press("Space")
    own.tab_to("Continue")
    press("Enter")
    own.is_on("/portal/")


def test_the_arrow_keys_walk_through_a_menu(petra, kim):
    button = petra.button("Actions for kim")
    button.focus()
    petra.page.keyboard.press("ArrowDown")
    assert menu_is_open(petra)
    entries = ["Multi-factor authentication", "Edit", "Sign out everywhere"]
    for entry in [*entries, entries[0]]:
        expect(petra.link(entry)).to_be_focused()
        petra.page.keyboard.press("ArrowDown")
    petra.page.keyboard.press("ArrowUp")
    petra.page.keyboard.press("ArrowUp")
    expect(petra.link(entries[-1])).to_be_focused()
    petra.page.keyboard.press("Escape")
    assert not menu_is_open(petra)
    expect(button).to_be_focused()


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_menu_opens_by_keyboard_and_tab_goes_into_it(key, petra, kim):
    petra.button("Actions for kim").focus()
    petra.page.keyboard.press(key)
    assert menu_is_open(petra)
    petra.page.keyboard.press("Tab")
    expect(petra.link("Multi-factor authentication")).to_be_focused()


def test_a_menu_closes_by_a_click_elsewhere_and_only_one_is_open(petra, kim, make_user):
    make_user("other")
    petra.page.reload()
    petra.button("Actions for kim").click()
    assert menu_is_open(petra)
    petra.button("User menu").click()
    assert not menu_is_open(petra)
    expect(petra.button("Sign out")).to_be_visible()
    petra.page.mouse.click(640, 5)
    expect(petra.button("Sign out")).to_be_hidden()


def test_a_menu_of_the_last_row_lies_within_the_screen(petra, make_user):
    for number in range(24):
        make_user(f"person.{number:02}")
    petra.page.reload()
    last = petra.page.get_by_role("button", name=re.compile("^Actions for")).last
    last.scroll_into_view_if_needed()
    last.click()
    box = petra.page.locator(".menu:popover-open").bounding_box()
    size = petra.page.viewport_size
    assert box is not None
    assert size is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= size["width"]
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= size["height"]


def test_the_skip_link_is_first_and_leads_to_the_content(petra):
    petra.page.keyboard.press("Tab")
    expect(petra.link("To the content")).to_be_focused()
    petra.page.keyboard.press("Enter")
    expect(petra.page).to_have_url(re.compile("#main$"))
    petra.page.keyboard.press("Tab")
    expect(petra.button("Export")).to_be_focused()


# --- Somebody else was quicker ---


def test_a_passkey_that_somebody_else_deleted_meanwhile_is_gone_without_a_fuss(petra, kim, admin):
    passkey = kim.add_passkey()
    open_window(petra)
    services.delete_passkey(passkey, actor=admin)
    petra.button(f"Delete passkey {passkey.name}").click()
    petra.sees("Kim has no passkey yet.")
    expect(petra.button(f"Delete passkey {passkey.name}")).to_have_count(0)


def test_a_passkey_that_is_deleted_while_its_confirmation_is_open(petra, kim, admin):
    passkey = kim.add_passkey()
    open_window(petra)
    petra.button(f"Delete passkey {passkey.name}").click()
    expect(petra.button("Confirm")).to_be_visible()
    services.delete_passkey(passkey, actor=admin)
    petra.confirm()
    petra.sees("Kim has no passkey yet.")


def test_a_switch_that_somebody_else_flipped_meanwhile_ends_as_confirmed(petra, kim, admin):
    open_window(petra)
    petra.switch.click()
    expect(petra.button("Confirm")).to_be_visible()
    services.enable_two_factor(kim.user, actor=admin)
    petra.confirm()
    expect(petra.switch).to_have_attribute("aria-checked", "true")
    petra.sees("Kim will be asked to set up two-factor authentication at the next login.")


def test_a_session_that_ended_meanwhile_leads_to_the_login_and_back(petra, kim, admin):
    open_window(petra)
    petra.page.context.clear_cookies()
    petra.switch.click()
    petra.is_on("/login/")
    petra.enter_password()
    expect(petra.button("User menu")).to_be_visible()


def test_a_form_that_a_thief_of_the_cookie_sent_goes_on_in_no_browser_of_the_owner(petra, kim):
    """The owner's own goes on by itself; the thief's does not, neither after that nor with a proof that it asks for."""
    path = reverse("settings:user_mfa:two_factor_on", args=[kim.user.pk])
    session = petra.person.client.session
    session["proofs"] = [proof | {"at": proof["at"] - 20 * 60} for proof in session["proofs"]]
    session.save()
    asked = with_key(key_of(petra.person.client)).post(path)
    planted = parse_qs(urlsplit(asked.headers["Location"]).query)["next"][0]
    petra.open(asked.headers["Location"])
    expect(petra.heading("This does not go on")).to_be_visible()

    petra.open(USERS)
    open_window(petra)
    petra.button("Request new passkey").click()
    petra.password_field.fill("correct horse battery staple")
    petra.button("Verify").click()
    petra.sees("Kim will be asked to create a passkey at the next login.")
    petra.open(planted)

    expect(petra.heading("This does not go on")).to_be_visible()
    kim.user.refresh_from_db()
    assert not kim.user.two_factor_enabled


def test_an_old_proof_is_asked_for_again_and_the_act_goes_on(petra, kim):
    open_window(petra)
    session = petra.person.client.session
    session["proofs"] = [proof | {"at": proof["at"] - 20 * 60} for proof in session["proofs"]]
    session.save()
    petra.switch.click()
    expect(petra.heading("Confirm that it is you")).to_be_visible()
    petra.password_field.fill("correct horse battery staple")
    petra.button("Verify").click()
    expect(petra.button("Confirm")).to_be_visible()
    petra.confirm()
    petra.sees("Kim will be asked to set up two-factor authentication at the next login.")
    petra.button("Close").click()
    is_closed(petra)
