"""An act on thousands at a site as `make run` serves it: a worker does it while its page is closed, opened and stopped."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.server.site import PASSWORD, Site

MANY = 12_000
FILL = f"""
from accounts.models import Role, User
from companies.models import Company
acme = Company.objects.create(name="Acme Machines")
User.objects.create_user("petra", password={PASSWORD!r}, role=Role.ADMINISTRATOR, first_name="Petra", last_name="Vogt")
User.objects.bulk_create(
    (User(username=f"many{{number}}", password="!", company=acme) for number in range({MANY})), batch_size=500
)
for number in range(3):
    User.objects.create_user(f"on{{number}}", company=acme, two_factor_enabled=True)
User.objects.create_user("later")
"""


@pytest.fixture
def petra(tmp_path, at):
    """Petra at a site of its own, on its overview."""
    served = Site(tmp_path)
    served.manage("upgrade")
    served.manage("shell", "--no-imports", "-c", FILL)
    with served.served():
        desk = at()
        desk.open(f"http://localhost:{served.port}/login/")
        desk.field("User name").fill("petra")
        desk.password_field.fill(PASSWORD)
        desk.button("Sign in").click()
        desk.is_on("/settings/")
        yield desk


def test_it_goes_on_while_the_page_is_closed_stops_when_told_and_says_whom_it_skipped(petra):
    petra.administration("Company").click()
    petra.link("Acme Machines").click()
    petra.link("Users of this company").click()
    petra.page.get_by_label("Select all on this page").check()
    petra.page.get_by_label(re.compile("^All 12,003 found")).check()
    petra.picture("worker-1-all")
    petra.button("Require 2FA").click()
    expect(petra.heading("Changes 12,000 users, skips 3")).to_be_visible()
    petra.picture("worker-2-counts")
    petra.button("Require 2FA: 12,000 users").click()
    bar = petra.page.get_by_role("progressbar")
    expect(bar).to_be_visible()
    petra.picture("worker-3-progress")

    closed, petra.page = petra.page, petra.page.context.new_page()
    petra.open(closed.url.partition("bulk/")[0])
    closed.close()
    petra.picture("worker-4-list")
    petra.link("See how far it is").click()
    expect(petra.page.locator("#state")).to_have_text(re.compile("^[1-9][0-9,]* of 12,003 done"))
    assert petra.page.get_by_role("progressbar").evaluate("bar => bar.value") > 0
    petra.button("Stop").click()
    expect(petra.page.locator("#state")).to_have_text(re.compile("^Stopped after [1-9][0-9,]* of 12,003"))
    petra.picture("worker-5-stopped")

    petra.link("To the users").click()
    petra.link("Paste names").click()
    petra.page.get_by_label("User names or e-mail addresses").fill("later, on0, on1, on2, nobody.here, petra")
    petra.button("Require 2FA").click()
    petra.button("Require 2FA: 1 user").click()
    expect(petra.heading("Done")).to_be_visible()  # it says so by itself
    petra.picture("worker-6-done")
    with petra.page.expect_download() as taken:
        petra.button("Download as CSV").click()
    with Path(taken.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert {row["user name"]: row["why"] for row in csv.DictReader(file)} == {
            "nobody.here": "Nobody here has this name or address",
            "petra": "This is you: nobody does this to themselves here",
            **dict.fromkeys(("on0", "on1", "on2"), "Their own 2FA switch is already on"),
        }

    petra.administration("Activity").click()
    petra.picture("worker-7-activity")
    expect(petra.page.get_by_role("link", name="Result")).to_have_count(2)
    petra.page.get_by_role("link", name="required 2FA for 1 user").click()
    expect(petra.page.locator(".timeline > li")).to_contain_text(
        ["Petra Vogt switched two-factor authentication on for later"]
    )
    petra.picture("worker-8-lines")
