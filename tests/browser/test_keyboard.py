"""The keyboard alone: each way to its end by Tab, Enter, Space and the arrows, with a focus that is seen and never lost.

Windows and menus have theirs in test_windows.py, the set-up of an app too.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from companies.bulk import choosing
from companies.models import BulkRun
from tests.browser.test_wcag import FOCUSED

if TYPE_CHECKING:
    from tests.browser.pages import Desk

USERS = "/settings/administration/users/"


def go_to(desk: Desk, name: str) -> None:
    """Tab to it; it is marked, and in sight."""
    desk.tab_to(name)
    focused = desk.page.evaluate(FOCUSED)
    assert focused["marked"], focused
    assert focused["seen"], focused


def press(desk: Desk, name: str, key: str = "Enter") -> None:
    go_to(desk, name)
    desk.page.keyboard.press(key)


def write(desk: Desk, name: str, text: str) -> None:
    go_to(desk, name)
    desk.page.keyboard.type(text)


@pytest.mark.row("WCAG-2.1.1")
def test_signing_in_with_a_code_and_out_again(kim, at):
    kim.set_up_app()
    desk = at(kim)
    desk.open("/login/")
    write(desk, "User name", "kim")
    write(desk, "Password", "correct horse battery staple")
    press(desk, "Sign in")
    desk.is_on("/login/challenge/")
    write(desk, "Code", kim.code())
    desk.is_on("/portal/")
    press(desk, "User menu")
    press(desk, "Sign out")
    desk.is_on("/login/")


@pytest.mark.row("WCAG-2.1.1")
def test_three_people_at_once(petra, make_user):
    for number in range(3):
        make_user(f"kim{number}")
    petra.page.reload()
    for number in range(3):
        press(petra, f"Select kim{number}", "Space")
    petra.sees("3 selected")
    press(petra, "Require 2FA")
    expect(petra.heading("Changes 3 users")).to_be_visible()
    press(petra, "Require 2FA: 3 users")
    expect(petra.heading("Done")).to_be_visible()
    assert User.objects.filter(username__startswith="kim", two_factor_enabled=True).count() == 3


@pytest.mark.row("WCAG-2.1.1")
def test_a_passkey_is_deleted_and_the_focus_stays_in_the_window(petra, kim):
    name = kim.add_passkey().name
    press(petra, "Actions for kim")
    press(petra, "Multi-factor authentication")
    expect(petra.window).to_be_visible()
    press(petra, f"Delete passkey {name}")
    expect(petra.button("Cancel")).to_be_focused()
    petra.page.keyboard.press("Enter")
    expect(petra.button(f"Delete passkey {name}")).to_be_focused()

    petra.page.keyboard.press("Space")
    expect(petra.button("Cancel")).to_be_focused()
    press(petra, "Confirm")
    petra.sees(f"The passkey “{name}” is deleted.")
    expect(petra.page.locator("#window-title")).to_be_focused()
    petra.page.keyboard.press("Escape")
    expect(petra.dialog).to_have_count(0)
    expect(petra.button("Actions for kim")).to_be_focused()
    assert not kim.user.passkeys.exists()


@pytest.mark.row("WCAG-2.1.1")
def test_a_lost_phone_is_reset(petra, kim):
    kim.set_up_app()
    petra.open(f"{USERS}{kim.user.pk}/lost-phone/?on=user")
    chosen = petra.page.get_by_role("radio").and_(petra.page.locator(":focus"))
    for _press in range(40):
        petra.page.keyboard.press("Tab")
        if chosen.count():
            break
    petra.page.keyboard.press("ArrowDown")
    petra.page.keyboard.press("ArrowUp")
    expect(chosen).to_be_checked()
    write(petra, "Reason", "New phone")
    press(petra, "Confirm")
    expect(petra.heading("What to tell Kim")).to_be_visible()
    assert not kim.user.authenticator_apps.exists()


@pytest.mark.row("WCAG-2.1.1", "WCAG-4.1.3")
def test_the_progress_of_many_leaves_the_focus_where_it_is_and_says_its_end(petra, administrator, kim):
    run = choosing.from_pasted(administrator.user, "require", "kim")
    now = timezone.now()
    BulkRun.objects.filter(pk=run.pk).update(begun_at=now, beat=now + timedelta(seconds=30), total=812, changed=528)
    petra.open(f"{USERS}bulk/{run.pk}/")
    said = petra.page.locator("#said")
    go_to(petra, "Stop")
    with petra.page.expect_response(f"**/bulk/{run.pk}/"):
        BulkRun.objects.filter(pk=run.pk).update(changed=600)
    petra.sees("600 of 812 done")
    expect(petra.button("Stop")).to_be_focused()
    expect(said).to_have_text("")

    BulkRun.objects.filter(pk=run.pk).update(changed=812, ended_at=timezone.now())
    expect(said).to_have_text("Done")
    expect(said).to_have_role("status")


@pytest.mark.row("WCAG-2.1.1", "WCAG-4.1.3")
def test_how_many_a_search_found_is_said(petra, kim):
    said = petra.page.locator("#said")
    expect(said).to_have_role("status")
    expect(said).to_have_text("")
    write(petra, "Search users", "kim")
    expect(said).to_have_text("1 user found")
    petra.page.keyboard.type("berley")
    expect(said).to_have_text("No user matches “kimberley”")
    expect(petra.role("searchbox", "Search users")).to_be_focused()


ACTIVITY = "/settings/administration/activity/"


@pytest.mark.row("WCAG-2.1.1")
@pytest.mark.parametrize(("page", "choice"), [(USERS, "Role"), (USERS, "Sort by"), (ACTIVITY, "Who did it"), (ACTIVITY, "Time")])  # fmt: skip
def test_a_choice_is_walked_by_arrows_and_changes_no_more_than_what_is_found(page, choice, petra, kim):
    petra.open(page)
    petra.page.evaluate("window.same = true")
    chosen = petra.page.get_by_label(choice, exact=True)
    values = chosen.locator("option").evaluate_all("found => found.map((each) => each.value)")
    at_first = values.index(chosen.input_value())
    chosen.focus()

    for step in range(at_first + 1, min(at_first + 3, len(values))):
        petra.page.keyboard.press("ArrowDown")
        name = chosen.get_attribute("name")
        expect(petra.page).to_have_url(re.compile(rf"[?&]{name}={re.escape(values[step])}(&|$)"))
        expect(chosen).to_be_focused()
        expect(chosen).to_have_value(values[step])
    assert petra.page.evaluate("window.same")


@pytest.mark.row("WCAG-2.1.1")
@pytest.mark.parametrize("page", [USERS, ACTIVITY])
def test_a_company_is_chosen_on_the_way_to_the_next_field(page, petra, kim, company):
    petra.open(page)
    field = petra.page.get_by_label("Company", exact=True)
    field.focus()
    petra.page.keyboard.type(company.name)
    petra.page.keyboard.press("Tab")

    expect(petra.page).to_have_url(re.compile(r"company=Acme"))
    expect(petra.page.get_by_label("Role" if page == USERS else "Time", exact=True)).to_be_focused()


@pytest.mark.row("WCAG-4.1.3")
def test_how_many_a_choice_found_is_said(petra, kim):
    said = petra.page.locator("#said")
    for role, words in (("Member", "1 user found"), ("Auditor", "There are no users in this list"), ("Every role", "")):
        petra.page.get_by_label("Role", exact=True).select_option(label=role)
        expect(said).to_have_text(words)


@pytest.mark.row("WCAG-3.3.1, 3.3.3", "WCAG-4.1.3")
def test_a_company_that_is_not_there_is_said_and_belongs_to_its_field(petra, kim, company):
    field = petra.page.get_by_label("Company", exact=True)
    field.focus()
    petra.page.keyboard.type("Nordwint")
    petra.page.keyboard.press("Tab")
    expect(petra.page.locator("#said")).to_have_text("There is no such company")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description("There is no such company")
    expect(petra.page.get_by_label("Role", exact=True)).to_be_focused()

    field.fill(company.name)
    petra.page.keyboard.press("Tab")
    expect(petra.link("Kim Hansen")).to_be_visible()
    expect(petra.link("Show all companies")).to_be_visible()
    expect(field).not_to_have_attribute("aria-invalid", "true")
