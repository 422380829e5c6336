"""The Administration without JavaScript: all but the movement of the progress bar works."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import User
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.bulk import choosing, running
from companies.models import BulkRun
from mfa import services
from tests.people import Person

USERS = "/settings/administration/users/"


@pytest.fixture
def petra(administrator, kim, plain):
    """The administrator, on the list of users, Kim among them."""
    desk = plain(administrator)
    desk.bring_session()
    desk.open(USERS)
    return desk


def required():
    return sorted(User.objects.filter(two_factor_enabled=True).values_list("username", flat=True))


def test_an_act_on_ticked_rows_on_pasted_names_and_on_all_that_a_filter_finds(petra, kim, ada, make_user):
    tim = make_user("tim", first_name="Tim", last_name="Lund")
    expect(petra.button("Require 2FA")).to_be_hidden()
    petra.page.get_by_label("Select kim").check()
    petra.button("Require 2FA").click()
    petra.button("Require 2FA: 1 user").click()
    expect(petra.heading("Done")).to_be_visible()
    assert required() == ["kim"]

    petra.link("To the users").click()
    petra.link("Paste names").click()
    petra.page.get_by_label("User names or e-mail addresses").fill("ada@acme.example; kim")
    petra.button("Require 2FA").click()
    expect(petra.heading("Changes 1 user, skips 1")).to_be_visible()
    petra.button("Require 2FA: 1 user").click()
    expect(petra.heading("Skipped").first).to_be_visible()
    with petra.page.expect_download():
        petra.button("Download as CSV").click()
    assert required() == ["ada", "kim"]

    petra.open(f"{USERS}?q=lund")
    petra.page.get_by_label("Select tim").check()
    petra.page.get_by_label("All 1 found").check()
    petra.button("Request passkey").click()
    petra.button("Request passkey: 1 user").click()
    expect(petra.heading("Done")).to_be_visible()
    assert tim.passkey_request
    petra.link("To the users").click()
    expect(petra.page).to_have_url(re.compile(r"\?q=lund$"))


def test_how_far_a_run_is_comes_by_a_link_and_it_is_stopped(petra, kim, ada, admin):
    run = choosing.from_pasted(admin, "require", "kim, ada")
    now = timezone.now()
    begun = BulkRun.objects.filter(pk=run.pk)
    begun.update(begun_at=now, beat=now + timedelta(hours=1), total=812, changed=528)
    petra.open(USERS)
    petra.link("See how far it is").click()
    expect(petra.page.locator("#state")).to_contain_text("528 of 812 done")
    expect(petra.page.get_by_role("progressbar")).to_be_visible()

    begun.update(changed=700)
    petra.link("Refresh").click()
    expect(petra.page.locator("#state")).to_contain_text("700 of 812 done")
    petra.button("Stop").click()
    expect(petra.page.locator("#state")).to_contain_text("Stopped after 700 of 812")
    running.take_up_runs()
    assert required() == []


def test_a_file_of_people_is_looked_at_and_imported(petra, company, mailoutbox):
    petra.link("Import").click()
    text = b"user name;e-mail;company\nheike;heike@acme.example;Acme Machines\nben;ben@acme;Acme Machines\n"
    file = {"name": "new.csv", "mimeType": "text/csv", "buffer": text}
    petra.page.get_by_label("CSV file").set_input_files(file)
    petra.button("Look at it").click()
    petra.sees("This is not a complete e-mail address.")
    petra.button("Import the one without errors").click()
    expect(petra.heading("The import is done")).to_be_visible()
    assert [mail.to for mail in mailoutbox] == [["heike@acme.example"]]


def test_a_lost_phone_with_its_reset_and_its_pass(petra, kim, plain):
    kim.set_up_app()
    petra.link("Kim Hansen").click()
    petra.link("Lost phone").click()
    petra.role("radio", "In person").check()
    petra.field("Reason").fill("New phone")
    petra.button("Confirm").click()
    code = petra.role("status", "Access pass").inner_text()

    caller = plain(kim)
    caller.sign_in()
    caller.field("Access pass").fill(code)
    caller.button("Continue").click()
    caller.set_up_app()
    caller.button("Turn on two-factor authentication").click()
    caller.save_codes()
    caller.is_on("/portal/")


def test_activity_is_narrowed_paged_and_taken_out(petra, admin, kim, company):
    for number in range(30):
        details = {"before": f"Key {number}", "name": f"Key {number + 1}"}
        AuditEvent.objects.create(
            action=Action.PASSKEY_RENAMED, actor=kim.user, subject=kim.user, company=company, details=details
        )
    services.request_passkey(kim.user, actor=admin)
    petra.administration("Activity").click()
    lines = petra.page.locator(".timeline > li")
    expect(lines).to_have_count(25)
    petra.link("Earlier").click()
    expect(petra.page.get_by_text("to “Key 1”")).to_be_visible()
    petra.link("Later").click()
    petra.page.get_by_role("searchbox", name="Search a person").fill("hansen")
    petra.page.get_by_label("Company", exact=True).fill(company.name)
    petra.page.get_by_label("Time").select_option(label="Today")
    petra.button("Show").click()
    petra.link("Requests").click()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Petra Vogt asked Kim Hansen for a passkey")
    petra.text("Days and single acts").click()
    expect(petra.page.get_by_label("From")).to_be_visible()
    petra.button("Export").click()
    with petra.page.expect_download():
        petra.button("CSV, for a spreadsheet").click()


def test_the_overview_its_rule_and_a_companys_switches(petra, admin, kim, company):
    petra.open("/settings/")
    rule = petra.role("switch", "Everybody who opens the Settings app uses 2FA or a passkey")
    for state in ("true", "false"):
        rule.click()
        petra.confirm()
        expect(rule).to_have_attribute("aria-checked", state)

    petra.open_company(company.name)
    petra.switch.click()
    expect(petra.dialog.locator(".forecast")).to_contain_text("has never signed in")
    petra.confirm()
    petra.sees("Acme Machines requires two-factor authentication.")
    petra.role("switch", "Access pass for the first set-up").click()
    petra.confirm()
    petra.sees("Acme Machines demands an access pass")
    petra.button("Remind them").click()
    petra.button("Remind: 1 user").click()
    expect(petra.heading("Done")).to_be_visible()


def test_the_acts_of_a_persons_page_come_back_to_it(petra, kim, admin):
    services.request_passkey(kim.user, actor=admin)
    page = f"{USERS}{kim.user.pk}/"
    petra.open(f"{USERS}?q=hansen")
    petra.link("Kim Hansen").click()
    for act, said in (
        ("Send a password reset", "A password reset is on its way"),
        ("Sign out everywhere", "Kim is signed out everywhere."),
        ("Deactivate", "is deactivated and signed out everywhere."),
        ("Activate", "can sign in again."),
    ):
        petra.link(act).click()
        petra.confirm()
        petra.sees(said)
        petra.is_on(page)
        expect(petra.page).to_have_url(re.compile(r"\?q=hansen$"))
    petra.role("button", "Remind", exact=False).click()
    petra.sees("A reminder is on its way")
    petra.field("Last name").fill("Lund")
    petra.button("Save").click()
    petra.sees("The profile of Kim Lund is saved.")
    petra.is_on(page)

    petra.link("Lock the account").click()
    petra.confirm()
    petra.role("radio", "In person").check()
    petra.field("Reason").fill("A mistake")
    petra.button("Let Kim in again").click()
    petra.sees("Kim is invited")
    petra.is_on(page)
    assert Person(User.objects.get(pk=kim.user.pk)).user.locked_at is None
