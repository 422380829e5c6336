"""Activity in a browser: from home to what an administrator changed last week, and on to a file."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from audit.models import AuditEvent
from audit.vocabulary import Action
from mfa import services


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
