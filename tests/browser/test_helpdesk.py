"""A day of the helpdesk and of the auditor, of the site and of a company: what they do, and what they see in place of the rest."""

from __future__ import annotations

import csv
from pathlib import Path
from time import time

import pytest
from playwright.sync_api import expect

from accounts.models import Budget, Role
from accounts.throttle import rule
from companies.services import enable_company_two_factor
from tests.people import Person

USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"


@pytest.fixture
def xenia(make_person, other_company):
    """Somebody of another company."""
    return make_person("xenia", first_name="Xenia", last_name="Falk", company=other_company)


@pytest.fixture
def seated(at, make_user, company):
    """`seated(role, "site")` is somebody of that role at a browser, on the overview."""

    def sit_down(role, scope):
        names = {"first_name": "Hanna", "last_name": "Weber"}
        desk = at(Person(make_user("hanna", role=role, company=company if scope == "company" else None, **names)))
        desk.arrive("/settings/")
        return desk

    return sit_down


def is_refused(desk, path, status):
    """`path` is answered with `status` and a page with a way on."""
    assert desk.page.goto(path).status == status
    expect(desk.page.locator("main").get_by_role("link").first).to_be_visible()


def offers(desk, *names):
    """Which of these buttons and links are there to be pressed."""
    found = {name: [*desk.button(name).all(), *desk.link(name).all()] for name in names}
    return [name for name in names if any(each.is_visible() and each.is_enabled() for each in found[name])]


def lock_out(user):
    """As if a hundred of their passwords had been wrong."""
    lane = rule.Lane(f"person:{user.pk.hex}")
    Budget.objects.create(key=lane.key, failures=100, blocked_until=rule.FOREVER, last_at=time())


CHANGES = ("New user", "Import", "Deactivate", "Lock the account", "Erase", "Save", "Edit", "New company")


@pytest.mark.parametrize("scope", ["site", "company"])
def test_the_helpdesk_helps_the_people_of_its_scope_in(
    scope, seated, at, kim, ada, carla, admin, xenia, company, mailoutbox
):
    kim.set_up_app()
    hanna = seated(Role.HELPDESK, scope)
    enable_company_two_factor(company, actor=admin)
    hanna.picture(f"helpdesk-{scope}-1-overview")
    hanna.administration("User").click()
    hanna.picture(f"helpdesk-{scope}-2-users")
    expect(hanna.link("Xenia Falk")).to_have_count(1 if scope == "site" else 0)
    for higher in ("Petra Vogt", "Carla Reyes"):
        expect(hanna.link(higher)).to_have_count(0)
    assert offers(hanna, *CHANGES, "Export") == []

    hanna.link("Ada Berg").click()  # who has not set up what is asked
    hanna.picture(f"helpdesk-{scope}-3-user")
    assert offers(hanna, *CHANGES) == []
    hanna.sees("You help people in. Names, roles and rules are for administrators.")
    hanna.role("button", "Remind", exact=False).click()
    hanna.sees("A reminder is on its way")
    assert mailoutbox[-1].to == ["ada@acme.example"]

    caller = at(kim)
    lock_out(kim.user)
    caller.sign_in()
    caller.sees("There were too many wrong attempts.")
    hanna.open(f"{USERS}{kim.user.pk}/")
    hanna.button("Unlock").click()
    expect(hanna.button("Unlock")).to_have_count(0)
    hanna.link("Multi-factor authentication").click()
    expect(hanna.switch).to_be_disabled()
    hanna.picture(f"helpdesk-{scope}-4-window")
    hanna.button("Close").click()
    hanna.link("Lost phone").click()
    hanna.role("radio", "In person").check()
    hanna.field("Reason").fill("New phone")
    hanna.confirm()
    code = hanna.role("status", "Access pass").inner_text()
    caller.sign_in()
    caller.picture(f"helpdesk-{scope}-9-pass")
    caller.field("Access pass").fill(code)
    caller.button("Continue").click()
    caller.picture(f"helpdesk-{scope}-9-set-up")
    caller.set_up_app()
    caller.save_codes()
    caller.is_on("/portal/")

    for person in (carla.user, admin, *([] if scope == "site" else [xenia.user])):
        is_refused(hanna, f"{USERS}{person.pk}/", 404)
        is_refused(hanna, f"{USERS}{person.pk}/lost-phone/", 404)
    hanna.picture(f"helpdesk-{scope}-5-not-found")
    for path in (f"{USERS}new/", f"{USERS}import/", f"{COMPANIES}new/", "/settings/administration/activity/"):
        is_refused(hanna, path, 403)
    hanna.picture(f"helpdesk-{scope}-6-refused")
    hanna.open(f"{COMPANIES}{company.pk}/")
    expect(hanna.switch).to_be_disabled()
    hanna.sees("Administrators decide this.")
    hanna.picture(f"helpdesk-{scope}-7-company")


@pytest.mark.parametrize("scope", ["site", "company"])
def test_an_auditor_reads_takes_files_out_and_changes_nothing(scope, seated, kim, carla, admin, xenia, company):
    kim.set_up_app()
    viktor = seated(Role.AUDITOR, scope)
    viktor.picture(f"auditor-{scope}-1-overview")
    viktor.administration("User").click()
    expect(viktor.link("Xenia Falk")).to_have_count(1 if scope == "site" else 0)
    assert offers(viktor, *CHANGES, "Paste names", "Require 2FA") == []
    viktor.picture(f"auditor-{scope}-2-users")
    with viktor.page.expect_download() as taken:
        viktor.button("Export").click()
    with Path(taken.value.path()).open(encoding="utf-8-sig", newline="") as file:
        names = {row["user name"] for row in csv.DictReader(file)}
    assert "kim" in names
    assert ("xenia" in names) is (scope == "site")

    viktor.link("Kim Hansen").click()
    viktor.picture(f"auditor-{scope}-3-user")
    viktor.sees("You see everything here and change nothing.")
    assert offers(viktor, *CHANGES, "Lost phone", "Remind", "Sign out everywhere", "Send a password reset") == []
    viktor.link("Multi-factor authentication").click()
    expect(viktor.switch).to_be_disabled()
    for name in ("Request new passkey", "Delete current passkey request"):
        expect(viktor.button(name)).to_be_disabled()
    viktor.picture(f"auditor-{scope}-4-window")

    viktor.open(f"{COMPANIES}{company.pk}/")
    for name in ("Two-factor authentication", "Access pass for the first set-up"):
        expect(viktor.role("switch", name)).to_be_disabled()
    viktor.administration("Activity").click()
    viktor.button("Export").click()
    with viktor.page.expect_download() as taken:
        viktor.button("CSV, for a spreadsheet").click()
    assert "set up an authenticator app" in Path(taken.value.path()).read_text(encoding="utf-8-sig")
    for path in (f"{USERS}new/", f"{USERS}{kim.user.pk}/lost-phone/", f"{USERS}bulk/names/"):
        is_refused(viktor, path, 403)
    viktor.picture(f"auditor-{scope}-5-refused")
