"""The rule for those who administer, two people at a time: who switches it on, and who is asked by it."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from tests.people import Person

RULE = "Everybody who opens the Settings app uses 2FA or a passkey"
SET_UP = "/login/setup/two-factor/"


@pytest.fixture
def samir(make_person, at):
    """Another administrator, with a password and nothing else, at a browser of their own."""
    names = {"first_name": "Samir", "last_name": "Haddad"}
    return at(make_person("samir", role=Role.ADMINISTRATOR, company=None, **names))


def test_it_asks_the_others_locks_nobody_out_and_is_switched_off_again(at, admin, samir, make_person):
    petra = at(Person(admin))
    petra.sign_in()
    petra.is_on("/settings/")
    expect(petra.heading("2 administrators sign in with a password alone")).to_be_visible()
    petra.picture("rule-1-overview")

    petra.role("switch", RULE).click()
    expect(petra.dialog).to_contain_text("Nobody is locked out by this.")
    petra.picture("rule-2-confirm")
    petra.confirm()
    expect(petra.role("switch", RULE)).to_have_attribute("aria-checked", "true")
    petra.picture("rule-3-on")

    samir.sign_in()
    for path in ("/settings/", "/portal/", "/user-settings/"):
        samir.open(path)
        samir.is_on(SET_UP)
    samir.sees("Everybody who opens the Settings app uses two-factor authentication or a passkey.")
    samir.picture("rule-4-asked")
    samir.set_up_app()
    samir.save_codes()
    samir.is_on("/settings/")
    expect(samir.heading("1 administrator will be asked to set up 2FA or a passkey at the next login")).to_be_visible()
    samir.picture("rule-5-other")

    petra.device()
    petra.sign_out()  # the session went on; the next login asks her as well, and a passkey will do
    petra.enter_password()
    petra.is_on(SET_UP)
    petra.button("Create a passkey").click()
    petra.is_on("/login/challenge/")
    petra.picture("rule-6-use-it")
    expect(petra.text("asked to set up two-factor authentication")).to_have_count(0)  # a passkey will do
    petra.button("Use your passkey").click()
    petra.is_on("/settings/")
    expect(petra.heading("Nobody opens the Settings app with a password alone")).to_be_visible()
    petra.picture("rule-6-in-again")

    petra.role("switch", RULE).click()
    petra.picture("rule-7-off")
    petra.confirm()
    petra.sees("no longer asked for two-factor authentication or a passkey")
    expect(petra.heading("1 person with a passkey can open the Settings app with the password alone")).to_be_visible()
    petra.picture("rule-8-off")

    samir.sign_out()
    samir.enter_password()
    samir.is_on("/login/challenge/")  # what was set up stays
    nora = at(make_person("nora", role=Role.ADMINISTRATOR, company=None))
    nora.sign_in()
    nora.is_on("/settings/")
