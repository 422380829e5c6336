"""The end of a session in a real browser: said before, put off, followed. The page's clock is moved, never waited for."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Session

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = 3600
WARNED = re.compile(r"^Are you still there\?$|^You are about to be signed out$")


@pytest.fixture
def desk(at, kim):
    """Kim on the portal, with a clock that the test moves."""
    desk = at(kim)
    desk.page.clock.install()
    desk.arrive("/portal/")
    expect(desk.heading("Your sign-in security")).to_be_visible()
    return desk


def age(person, *, idle: int = 0, overall: int = 0) -> None:
    """As if `person` had been seen, and signed in, so many seconds earlier."""
    back = {
        "seen_at": F("seen_at") - timedelta(seconds=idle),
        "started_at": F("started_at") - timedelta(seconds=overall),
    }
    Session.objects.filter(user=person.user).update(**back)


def pass_by(desk, seconds: int) -> None:
    """The page's clock jumps, as after a sleep; the server's stands where `age` put it."""
    desk.page.clock.fast_forward(seconds * 1000)


def warning(desk):
    return desk.page.get_by_role("alertdialog", name=WARNED)


@pytest.mark.row("WCAG-2.2.1")
def test_the_page_warns_a_minute_before_and_stays_at_a_press(desk, kim):
    age(kim, idle=HOUR - 50)
    expect(warning(desk)).to_have_count(0)
    pass_by(desk, HOUR - 50)

    expect(warning(desk)).to_be_visible()
    expect(desk.button("Stay signed in")).to_be_focused()
    expect(warning(desk)).to_contain_text("You have not done anything for a while")
    seconds = warning(desk).get_by_role("timer")
    expect(seconds).to_contain_text("Seconds left:")
    assert 0 < int(seconds.locator("strong").inner_text()) <= 50
    desk.button("Stay signed in").click()

    expect(warning(desk)).to_have_count(0)
    assert timezone.now() - Session.objects.get(user=kim.user).seen_at < timedelta(seconds=20)
    pass_by(desk, HOUR - 120)
    expect(warning(desk)).to_have_count(0)


def test_escape_means_that_somebody_is_there(desk, kim):
    age(kim, idle=HOUR - 50)
    pass_by(desk, HOUR - 50)
    expect(warning(desk)).to_be_visible()

    desk.page.keyboard.press("Escape")

    expect(warning(desk)).to_have_count(0)
    assert timezone.now() - Session.objects.get(user=kim.user).seen_at < timedelta(seconds=20)


def test_it_does_not_warn_where_another_tab_was_used(desk, kim):
    pass_by(desk, HOUR - 30)  # here nothing was done; the server knows better

    with desk.page.expect_response("**/session/") as answer:
        pass_by(desk, 1)
    assert answer.value.json()["idle"] > HOUR - 60
    expect(warning(desk)).to_have_count(0)
    assert Session.objects.get(user=kim.user).seen_at


def test_the_countdown_is_said_at_thirty_and_ten_seconds_and_counts(desk, kim):
    age(kim, idle=HOUR - 50)
    pass_by(desk, HOUR - 50)
    expect(warning(desk)).to_be_visible()
    said = warning(desk).get_by_role("status")
    expect(said).to_have_text("")

    for seconds in (30, 10):
        left = int(warning(desk).locator("strong").inner_text())
        desk.page.clock.run_for((left - seconds) * 1000)
        expect(said).to_have_text(re.compile(rf"^Seconds left: ({seconds}|{seconds - 1})$"))


def test_at_the_end_the_page_leads_to_the_login_and_back(desk, kim):
    desk.open("/user-settings/?a=1")
    age(kim, idle=HOUR)
    pass_by(desk, HOUR + 1)

    desk.is_on("/login/")
    assert desk.page.url.endswith("?next=%2Fuser-settings%2F%3Fa%3D1")
    desk.enter_password()
    desk.is_on("/user-settings/")


def test_a_laptop_that_slept_through_it_is_sent_to_the_login(desk, kim):
    age(kim, idle=10 * HOUR)
    pass_by(desk, 10 * HOUR)

    desk.is_on("/login/")


def test_a_days_end_is_said_once_and_honestly(desk, kim):
    age(kim, overall=24 * HOUR - 40)
    desk.open("/portal/")

    expect(warning(desk)).to_be_visible()
    expect(warning(desk)).to_contain_text("as long as a sign-in lasts")
    expect(desk.button("Stay signed in")).to_have_count(0)
    desk.button("Go on until then").click()
    expect(warning(desk)).to_have_count(0)
    desk.page.clock.run_for(10_000)
    expect(warning(desk)).to_have_count(0)

    age(kim, overall=60)
    pass_by(desk, 60)
    desk.is_on("/login/")


def test_signing_out_from_the_warning(desk, kim):
    age(kim, idle=HOUR - 50)
    pass_by(desk, HOUR - 50)
    warning(desk).get_by_role("button", name="Sign out").click()

    desk.is_on("/login/")
    assert not Session.objects.filter(user=kim.user).exists()


def test_staying_in_one_tab_closes_the_warning_of_the_other(desk, kim):
    other = desk.page.context.new_page()
    other.goto("/portal/")
    age(kim, idle=HOUR - 50)
    pass_by(desk, HOUR - 50)  # the clock is that of all tabs
    for page in (desk.page, other):
        expect(page.get_by_role("alertdialog")).to_be_visible()

    desk.button("Stay signed in").click()

    expect(other.get_by_role("alertdialog")).to_have_count(0)


def test_after_signing_out_in_one_tab_the_others_next_act_leads_to_the_login(desk, site):
    desk.open("/user-settings/")
    other = desk.page.context.new_page()
    other.goto("/portal/")
    other.get_by_role("button", name="User menu").click()
    other.get_by_role("button", name="Sign out", exact=True).click()
    expect(other).to_have_url(f"{site}/login/?signed_out=yes")

    desk.link("Multi-factor authentication").click()

    desk.is_on("/login/")


def test_without_a_network_it_says_so_and_tries_again(desk, kim):
    age(kim, idle=HOUR - 50)
    pass_by(desk, HOUR - 50)
    expect(warning(desk)).to_be_visible()
    desk.page.route("**/session/", lambda route: route.fulfill(status=404))
    desk.button("Stay signed in").click()
    expect(warning(desk).get_by_role("alert")).to_contain_text("m2v cannot be reached.")

    desk.page.unroute("**/session/")
    desk.button("Stay signed in").click()
    expect(warning(desk)).to_have_count(0)


@pytest.mark.row("ASVS-14.3.1")
def test_signing_out_clears_what_the_browser_kept_but_not_its_cookies(desk, kim, site):
    desk.page.evaluate("localStorage.setItem('left', 'behind')")
    desk.page.context.add_cookies([{"name": "language", "value": "en", "url": site}])

    with desk.page.expect_response("**/logout/") as answer:
        desk.sign_out()

    assert answer.value.all_headers()["clear-site-data"] == '"cache", "storage"'
    assert desk.page.evaluate("localStorage.length") == 0
    kept = {cookie["name"]: cookie["value"] for cookie in desk.page.context.cookies()}
    assert kept["language"] == "en"
    assert kept.get("session") != kim.client.cookies["session"].value  # the login page may have begun another
    desk.page.go_back()
    desk.is_on("/login/")


@pytest.mark.row("ASVS-14.3.3")
def test_the_page_keeps_nothing_in_the_browser(desk):
    assert desk.page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_without_javascript_no_warning_is_in_the_way(at, kim):
    desk = at(kim, java_script_enabled=False)
    desk.arrive("/user-settings/")

    expect(desk.heading("Where you are signed in")).to_be_visible()
    expect(warning(desk)).to_have_count(0)


def test_back_in_another_tab_after_signing_out_is_the_login_in_full(desk):
    desk.open("/user-settings/")
    desk.link("Multi-factor authentication").click()
    expect(desk.window).to_be_visible()
    Session.objects.all().delete()

    desk.page.go_back()

    desk.is_on("/login/")
    assert desk.page.url.endswith("?next=%2Fuser-settings%2F")
