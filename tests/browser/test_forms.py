"""Forms in browsers that stop them on the way, keep no cookies, or open half of a way that another began."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.people import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Route

STOPPED = 4_000


def test_a_form_that_was_stopped_on_its_way_can_be_sent_again(kim, at, troubles):
    desk = at(kim)
    desk.open("/login/")
    sent: list[str] = []

    def stop(route: Route) -> None:
        sent.append(route.request.method)
        route.abort("aborted")  # what the page is told by Stop and Escape: nothing

    desk.page.route("**/login/", stop)
    desk.field("User name").fill("kim")
    desk.password_field.fill(PASSWORD)
    with desk.page.expect_request("**/login/"):
        desk.button("Sign in").click(no_wait_after=True)
    desk.button("Sign in").click(no_wait_after=True)
    desk.page.wait_for_timeout(300)
    assert sent == ["POST"], "of two at once, one is sent"
    desk.page.unroute_all()
    desk.page.wait_for_timeout(STOPPED)
    desk.button("Sign in").click()
    desk.is_on("/portal/")
    troubles[:] = [each for each in troubles if "ERR_ABORTED" not in each]


def test_a_browser_without_cookies_reads_that_they_are_needed(kim, at):
    desk = at(kim)
    desk.page.context.route("**/*", without_cookies)
    desk.open("/login/")
    desk.field("User name").fill("kim")
    desk.password_field.fill(PASSWORD)
    desk.button("Sign in").click()
    desk.sees("Cookies are needed")
    desk.sees("Your browser did not send this site’s cookies.")


def without_cookies(route) -> None:
    """As a browser does that was told to keep none."""
    headers = {name: value for name, value in route.request.headers.items() if name != "cookie"}
    answer = route.fetch(headers=headers | {"cookie": ""}, max_redirects=0)
    kept = {name: value for name, value in answer.headers.items() if name != "set-cookie"}
    route.fulfill(response=answer, headers=kept)


@pytest.mark.row("WCAG-3.3.1, 3.3.3")
def test_a_form_that_came_back_is_gone_on_with_at_the_first_field_that_is_wrong(kim, at):
    desk = at(kim)
    desk.arrive("/user-settings/password/")
    for name in ("Current password", "New password", "New password, again"):
        desk.page.get_by_label(name, exact=True).fill("kim12345")
    desk.button("Change password").click()

    wrong = desk.page.get_by_label("Current password", exact=True)
    expect(wrong).to_be_focused()
    expect(wrong).to_have_accessible_description("This is not your current password.")
