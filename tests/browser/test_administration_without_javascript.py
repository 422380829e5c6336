"""The Administration without JavaScript: all but the movement of the progress bar works."""

from __future__ import annotations

import re
from datetime import timedelta

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


def required():
    return sorted(User.objects.filter(two_factor_enabled=True).values_list("username", flat=True))


def test_an_act_on_ticked_rows_on_pasted_names_and_on_all_that_a_filter_finds(plain_petra, kim, ada, make_user):
    tim = make_user("tim", first_name="Tim", last_name="Lund")
    expect(plain_petra.button("Require 2FA")).to_be_hidden()
    plain_petra.page.get_by_label("Select kim").check()
    plain_petra.button("Require 2FA").click()
    plain_petra.button("Require 2FA: 1 user").click()
    expect(plain_petra.heading("Done")).to_be_visible()
    assert required() == ["kim"]

    plain_petra.link("To the users").click()
    plain_petra.link("Paste names").click()
    plain_petra.page.get_by_label("User names or e-mail addresses").fill("ada@acme.example; kim")
    plain_petra.button("Require 2FA").click()
    expect(plain_petra.heading("Changes 1 user, skips 1")).to_be_visible()
    plain_petra.button("Require 2FA: 1 user").click()
    expect(plain_petra.heading("Skipped").first).to_be_visible()
    with plain_petra.page.expect_download():
        plain_petra.button("Download as CSV").click()
    assert required() == ["ada", "kim"]

    plain_petra.open(f"{USERS}?q=lund")
    plain_petra.page.get_by_label("Select tim").check()
    plain_petra.page.get_by_label("All 1 found").check()
    plain_petra.button("Request passkey").click()
    plain_petra.button("Request passkey: 1 user").click()
    expect(plain_petra.heading("Done")).to_be_visible()
    assert tim.passkey_request
    plain_petra.link("To the users").click()
    expect(plain_petra.page).to_have_url(re.compile(r"\?q=lund$"))


def test_how_far_a_run_is_comes_by_a_link_and_it_is_stopped(plain_petra, kim, ada, admin):
    run = choosing.from_pasted(admin, "require", "kim, ada")
    now = timezone.now()
    begun = BulkRun.objects.filter(pk=run.pk)
    begun.update(begun_at=now, beat=now + timedelta(seconds=30), total=812, changed=528)
    plain_petra.open(USERS)
    plain_petra.link("See how far it is").click()
    expect(plain_petra.page.locator("#state")).to_contain_text("528 of 812 done")
    expect(plain_petra.page.get_by_role("progressbar")).to_be_visible()

    begun.update(changed=700)
    plain_petra.link("Refresh").click()
    expect(plain_petra.page.locator("#state")).to_contain_text("700 of 812 done")
    plain_petra.button("Stop").click()
    expect(plain_petra.page.locator("#state")).to_contain_text("Stopped after 700 of 812")
    running.take_up_runs()
    assert required() == []


def test_a_file_of_people_is_looked_at_and_imported(plain_petra, company, mailoutbox):
    plain_petra.link("Import").click()
    text = b"user name;e-mail;company\nheike;heike@acme.example;Acme Machines\nben;ben@acme;Acme Machines\n"
    file = {"name": "new.csv", "mimeType": "text/csv", "buffer": text}
    plain_petra.page.get_by_label("CSV file").set_input_files(file)
    plain_petra.button("Look at it").click()
    plain_petra.sees("This is not a complete e-mail address.")
    plain_petra.button("Import the one without errors").click()
    expect(plain_petra.heading("The import is done")).to_be_visible()
    assert [mail.to for mail in mailoutbox] == [["heike@acme.example"]]


def test_a_lost_phone_with_its_reset_and_its_pass(plain_petra, kim, plain):
    kim.set_up_app()
    plain_petra.link("Kim Hansen").click()
    plain_petra.link("Lost phone").click()
    plain_petra.role("radio", "In person").check()
    plain_petra.field("Reason").fill("New phone")
    plain_petra.button("Confirm").click()
    code = plain_petra.role("status", "Access pass").inner_text()

    caller = plain(kim)
    caller.sign_in()
    caller.field("Access pass").fill(code)
    caller.button("Continue").click()
    caller.set_up_app()
    caller.button("Turn on two-factor authentication").click()
    caller.save_codes()
    caller.is_on("/portal/")


def test_activity_is_narrowed_paged_and_taken_out(plain_petra, admin, kim, company):
    for number in range(30):
        details = {"before": f"Key {number}", "name": f"Key {number + 1}"}
        AuditEvent.objects.create(
            action=Action.PASSKEY_RENAMED, actor=kim.user, subject=kim.user, company=company, details=details
        )
    services.request_passkey(kim.user, actor=admin)
    plain_petra.administration("Activity").click()
    lines = plain_petra.page.locator(".timeline > li")
    expect(lines).to_have_count(25)
    plain_petra.link("Earlier").click()
    expect(plain_petra.page.get_by_text("to “Key 1”")).to_be_visible()
    plain_petra.link("Later").click()
    plain_petra.page.get_by_role("searchbox", name="Search a person").fill("hansen")
    plain_petra.page.get_by_label("Company", exact=True).fill(company.name)
    plain_petra.page.get_by_label("Time").select_option(label="Today")
    plain_petra.button("Show").click()
    plain_petra.link("Requests").click()
    expect(lines).to_have_count(1)
    expect(lines).to_contain_text("Petra Vogt asked Kim Hansen for a passkey")
    plain_petra.text("Days and single acts").click()
    expect(plain_petra.page.get_by_label("From")).to_be_visible()
    plain_petra.button("Export").click()
    with plain_petra.page.expect_download():
        plain_petra.button("CSV, for a spreadsheet").click()


def test_the_overview_its_rule_and_a_companys_switches(plain_petra, admin, kim, company):
    plain_petra.open("/settings/")
    rule = plain_petra.role("switch", "Everybody who opens the Settings app uses 2FA or a passkey")
    for state in ("true", "false"):
        rule.click()
        plain_petra.confirm()
        expect(rule).to_have_attribute("aria-checked", state)

    plain_petra.open_company(company.name)
    plain_petra.switch.click()
    expect(plain_petra.dialog.locator(".forecast")).to_contain_text("has never signed in")
    plain_petra.confirm()
    plain_petra.sees("Acme Machines requires two-factor authentication.")
    plain_petra.role("switch", "Access pass for the first set-up").click()
    plain_petra.confirm()
    plain_petra.sees("Acme Machines demands an access pass")
    plain_petra.button("Remind them").click()
    plain_petra.button("Remind: 1 user").click()
    expect(plain_petra.heading("Done")).to_be_visible()


def test_the_acts_of_a_persons_page_come_back_to_it(plain_petra, kim, admin):
    services.request_passkey(kim.user, actor=admin)
    page = f"{USERS}{kim.user.pk}/"
    plain_petra.open(f"{USERS}?q=hansen")
    plain_petra.link("Kim Hansen").click()
    for act, said in (
        ("Send a password reset", "A password reset is on its way"),
        ("Sign out everywhere", "Kim is signed out everywhere."),
        ("Deactivate", "is deactivated and signed out everywhere."),
        ("Activate", "can sign in again."),
    ):
        plain_petra.link(act).click()
        plain_petra.confirm()
        plain_petra.sees(said)
        plain_petra.is_on(page)
        expect(plain_petra.page).to_have_url(re.compile(r"\?q=hansen$"))
    plain_petra.role("button", "Remind", exact=False).click()
    plain_petra.sees("A reminder is on its way")
    plain_petra.field("Last name").fill("Lund")
    plain_petra.button("Save").click()
    plain_petra.sees("The profile of Kim Lund is saved.")
    plain_petra.is_on(page)

    plain_petra.link("Lock the account").click()
    plain_petra.confirm()
    plain_petra.role("radio", "In person").check()
    plain_petra.field("Reason").fill("A mistake")
    plain_petra.button("Let Kim in again").click()
    plain_petra.sees("Kim is invited")
    plain_petra.is_on(page)
    assert Person(User.objects.get(pk=kim.user.pk)).user.locked_at is None
