"""The effort of what administrators do most: clicks from home, and seconds where somebody waits on the telephone."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import Role, User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.models import Reminder
from companies.services import enable_company_two_factor
from tests.browser.effort import EFFORT, from_home
from tests.people import Person

if TYPE_CHECKING:
    from tests.browser.effort import Effort


@pytest.fixture
def petra(at, admin):
    return at(Person(admin))


@pytest.fixture
def within(record_property):
    """`within(effort, "what", clicks=4, seconds=30)` has what it cost printed at the end, and holds it to that."""

    def check(effort: Effort, what: str, *, clicks: int, seconds: int | None = None) -> None:
        took = effort.seconds
        in_time = f", {took:.1f} s (at most {seconds})" if seconds else ""
        record_property(EFFORT, f"{what}: {effort.clicks} clicks (at most {clicks}){in_time}")
        assert effort.clicks <= clicks
        assert seconds is None or took <= seconds

    return check


def test_two_factor_authentication_on_for_a_named_user(petra, kim, within):
    effort = from_home(petra)

    petra.find_user("kim")
    petra.link("Kim Hansen").click()
    petra.link("Multi-factor authentication").click()
    petra.switch.click()
    petra.confirm()

    expect(petra.switch).to_have_attribute("aria-checked", "true")
    within(effort, "2FA on for a named user", clicks=5)
    kim.user.refresh_from_db()
    assert kim.user.two_factor_enabled


def test_two_factor_authentication_on_for_twenty_pasted_names(petra, make_user, within):
    names = [make_user(f"p{n:02}").username for n in range(20)]
    effort = from_home(petra)

    petra.administration("User").click()
    petra.link("Paste names").click()
    petra.page.get_by_label("User names or e-mail addresses").fill("\n".join(names))
    petra.button("Require 2FA").click()
    petra.button("Require 2FA: 20 users").click()

    expect(petra.heading("Done")).to_be_visible()
    within(effort, "2FA on for twenty pasted names", clicks=6)
    assert User.objects.filter(username__in=names, two_factor_enabled=True).count() == 20


def test_reminding_who_is_left_in_a_company(petra, kim, ada, company, admin, within):
    enable_company_two_factor(company, actor=admin)
    effort = from_home(petra)

    petra.link("Acme Machines").click()
    petra.button("Remind them").click()
    petra.button("Remind: 2 users").click()

    expect(petra.heading("Done")).to_be_visible()
    within(effort, "remind who is left in a company", clicks=4)
    assert Reminder.objects.count() == 2


def test_who_is_left_in_a_company(petra, kim, ada, carla, company, admin, within):
    enable_company_two_factor(company, actor=admin)
    ada.set_up_app()
    effort = from_home(petra)

    petra.link("Acme Machines").click()
    petra.link("Who is left in Acme Machines").click()

    expect(petra.page.get_by_role("row").filter(has=petra.link("Kim Hansen"))).to_be_visible()
    expect(petra.page.get_by_role("row")).to_have_count(3)  # with the headings: Kim and Carla
    within(effort, "who is left in a company", clicks=2)


def test_a_lost_phone(at, petra, kim, within):
    """Two people at a time: whoever administers, and whoever calls."""
    kim.set_up_app()
    caller = at(kim)
    effort = from_home(petra)

    petra.find_user("kim")
    petra.link("Kim Hansen").click()
    petra.link("Lost phone").click()
    petra.page.get_by_role("radio", name="Called back on a number we had before").click()
    petra.field("Reason").fill("Left on the train")
    petra.page.keyboard.press("Enter")
    code = petra.page.get_by_role("status", name="Access pass").inner_text()

    within(effort, "lost phone", clicks=4, seconds=30)

    caller.sign_in()
    expect(caller.heading("Enter your access pass")).to_be_visible()
    caller.field("Access pass").fill(code.lower())
    caller.button("Continue").click()
    caller.set_up_app()
    caller.save_codes()
    caller.is_on("/portal/")
    petra.link("Done").click()
    expect(petra.link("Withdraw the access pass")).to_have_count(0)


def test_what_an_administrator_changed_last_week(petra, admin, kim, within):
    last_week = timezone.now() - timedelta(days=timezone.localdate().weekday() + 3)
    AuditEvent.objects.create(
        at=last_week, action=Action.TWO_FACTOR_ENABLED, actor=admin, subject=kim.user, company=kim.user.company
    )
    effort = from_home(petra)

    petra.administration("User").click()
    petra.page.get_by_role("link", name=re.compile("^Petra Vogt")).click()
    petra.link("What Petra changed last week").click()

    expect(petra.page.locator(".timeline > li")).to_contain_text("Petra Vogt switched two-factor authentication on")
    within(effort, "what an administrator changed last week", clicks=4)


def test_the_auditors_list_of_a_past_day(at, make_user, kim, within):
    viktor = at(Person(make_user("viktor", role=Role.AUDITOR, company=None)))
    day = timezone.localdate() - timedelta(days=2)
    User.objects.filter(pk=kim.user.pk).update(created_at=timezone.now() - timedelta(days=9))
    kim.set_up_app()  # since then
    effort = from_home(viktor)

    viktor.administration("Activity").click()
    viktor.link("How everybody stood on a past day").click()
    viktor.page.get_by_label("Day", exact=True).fill(str(day))
    viktor.page.keyboard.press("Enter")
    expect(viktor.page).to_have_url(re.compile(f"day={day}"))
    with viktor.page.expect_download() as taken:
        viktor.button("Everybody, as CSV").click()

    with Path(taken.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert {row["user name"]: row["two-factor authentication"] for row in csv.DictReader(file)} == {
            "kim": "not asked"
        }
    within(effort, "the auditor's list", clicks=3)
