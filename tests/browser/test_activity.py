"""Activity in a browser: from home to what an administrator changed last week, and on to a file."""

from __future__ import annotations

import csv
import json
import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from audit.models import AuditEvent
from audit.sealing import keys
from audit.sealing.checkpoints import seal_lines
from audit.vocabulary import Action
from mfa import services
from reporting.taking import take_snapshot
from tests.audit import CHECKER


@pytest.fixture
def petra(administrator, at):
    desk = at(administrator)
    desk.bring_session()
    return desk


def test_what_an_administrator_changed_is_found_narrowed_and_taken_out(petra, admin, kim):
    last_week = timezone.now() - timedelta(days=timezone.localdate().weekday() + 3)
    AuditEvent.objects.create(
        at=last_week, action=Action.TWO_FACTOR_ENABLED, actor=admin, subject=kim.user, company=kim.user.company
    )
    services.request_passkey(kim.user, actor=admin)
    petra.open("/settings/")
    petra.page.get_by_role("link", name="User", exact=True).click()
    petra.page.get_by_role("link", name=re.compile("^Petra Vogt")).click()
    petra.page.get_by_role("link", name="What Petra changed last week").click()

    lines = petra.page.locator(".timeline > li")
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Petra Vogt switched two-factor authentication on for Kim Hansen")
    expect(petra.page.get_by_label("Time")).to_have_value("week")

    petra.page.get_by_label("Time").select_option(label="Any time")  # a choice is an address at once
    expect(lines).to_have_count(2)
    expect(petra.page).to_have_url(re.compile(f"actor={admin.pk}.*time=any"))
    petra.page.get_by_role("link", name="Requests", exact=True).click()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Petra Vogt asked Kim Hansen for a passkey")

    petra.button("Export").click()
    with petra.page.expect_download() as taken:
        petra.button("JSON lines, for a program").click()
    [line] = [json.loads(each) for each in Path(taken.value.path()).read_text().splitlines()]
    assert line["act"] == "passkey_requested"
    assert re.fullmatch(r"activity-\d{4}-\d\d-\d\d\.jsonl", taken.value.suggested_filename)


def taken_out(desk, form):
    """The file that Export → `form` gives."""
    desk.button("Export").click()
    with desk.page.expect_download() as taken:
        desk.button(form).click()
    return Path(taken.value.path())


def test_filters_are_kept_by_files_and_the_signed_one_is_proved_without_the_site(petra, admin, kim, ada, company):
    services.request_passkey(kim.user, ada.user, actor=admin)
    services.enable_two_factor(kim.user, actor=admin)
    kim.sign_in()
    petra.open("/settings/administration/activity/")
    petra.picture("activity-1")
    petra.link("Petra Vogt").first.click()
    expect(petra.page.get_by_label("Who did it").locator(":checked")).to_have_text("By Petra Vogt")
    petra.page.get_by_role("searchbox", name="Search a person").fill("hansen")
    petra.page.keyboard.press("Enter")
    petra.page.get_by_label("Company", exact=True).fill(company.name)
    petra.page.keyboard.press("Enter")
    petra.link("Requests").click()
    lines = petra.page.locator(".timeline > li")
    expect(lines).to_have_count(1)
    petra.picture("activity-2-filtered")

    [row] = csv.DictReader(taken_out(petra, "CSV, for a spreadsheet").read_text(encoding="utf-8-sig").splitlines())
    assert "asked Kim Hansen for a passkey" in " ".join(row.values())

    seal_lines()
    signed = taken_out(petra, "The whole audit, signed")
    proved = subprocess.run(
        [sys.executable, "-I", CHECKER, signed, "--", keys.public_key()], capture_output=True, text=True, check=False
    )
    assert (proved.returncode, proved.stdout.partition(".")[0]) == (0, "All is as it was sealed"), proved.stderr
    bent = signed.with_name("bent")
    bent.write_text(signed.read_text().replace("passkey_requested", "passkey_withdrawn", 1))
    assert subprocess.run([sys.executable, "-I", CHECKER, bent, "--", keys.public_key()], check=False).returncode == 1


def test_a_past_day_is_held_against_what_was_counted_that_night(petra, kim):
    yesterday = timezone.localdate() - timedelta(days=1)
    User.objects.update(created_at=timezone.now() - timedelta(days=9))
    take_snapshot(yesterday)
    kim.set_up_app()
    petra.open("/settings/")
    petra.administration("Activity").click()
    petra.link("How everybody stood on a past day").click()

    expect(petra.heading("The audit and that night’s count agree")).to_be_visible()
    petra.picture("activity-3-day")
    with petra.page.expect_download() as taken:
        petra.button("Everybody, as CSV").click()
    rows = csv.DictReader(Path(taken.value.path()).read_text(encoding="utf-8-sig").splitlines())
    assert {row["user name"]: row["two-factor authentication"] for row in rows} == {
        "kim": "not asked",
        "petra": "not asked",
    }
