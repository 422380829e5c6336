"""Acts on many people in a browser: ticked rows, pasted names, counts, and what came of it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from accounts.models import User

USERS = "/settings/administration/users/"


@pytest.mark.parametrize("width", [1280, 360])
def test_ticked_rows_are_counted_and_then_done(width, administrator, at, make_user):
    for number in range(4):
        make_user(f"kim{number}", first_name="Friedrich-Wilhelm", last_name="Ochsenknecht-Unterberger")
    desk = at(administrator, viewport={"width": width, "height": 800})
    desk.bring_session()
    desk.open(USERS)
    expect(desk.button("Require 2FA")).to_be_hidden()

    desk.page.get_by_label("Select kim0").check()
    desk.page.get_by_label("Select kim2").check()

    desk.sees("2 selected")
    desk.fits()
    desk.picture("bulk-ticked")
    desk.button("Require 2FA").click()
    expect(desk.page.get_by_role("heading", name="Changes 2 users")).to_be_visible()
    desk.picture("bulk-counts")
    desk.button("Require 2FA: 2 users").click()
    expect(desk.page.get_by_role("heading", name="Done")).to_be_visible()
    desk.picture("bulk-done")
    assert sorted(User.objects.filter(two_factor_enabled=True).values_list("username", flat=True)) == ["kim0", "kim2"]


def test_all_on_the_page_are_ticked_at_once_and_all_that_are_found(administrator, at, make_user):
    for number in range(30):
        make_user(f"kim{number:02}")
    desk = at(administrator)
    desk.bring_session()
    desk.open(USERS)

    desk.page.get_by_label("Select all on this page").check()
    desk.sees("25 selected")
    desk.button("Clear the selection").click()
    expect(desk.button("Require 2FA")).to_be_hidden()
    assert not desk.page.locator(".pick:checked").count()

    desk.page.get_by_label("Select all on this page").check()
    desk.sees("25 selected")
    desk.page.get_by_label("All 31 found").check()
    desk.button("Request passkey").click()

    expect(desk.page.get_by_role("heading", name="Changes 30 users, skips 1")).to_be_visible()
