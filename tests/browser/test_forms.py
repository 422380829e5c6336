"""Forms in browsers that stop them on the way, keep no cookies, or open half of a way that another began."""

from __future__ import annotations

from typing import TYPE_CHECKING

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
