"""A company that demands an access pass before each first set-up, two people at a time: who gives it, and who is new."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.people import PASSWORD, Person

CHALLENGE = "/login/challenge/"
SET_UP = "/login/setup/two-factor/"


def test_a_first_password_opens_nothing_without_a_pass_that_works_once(at, admin, company, kim, mailoutbox):
    petra = at(Person(admin))
    petra.arrive("/settings/")
    petra.open_company(company.name)
    petra.switch.click()
    petra.confirm()
    petra.sees("Acme Machines requires two-factor authentication. 1 user will be asked at the next login.")
    petra.role("switch", "Access pass for the first set-up").click()
    expect(petra.dialog).to_contain_text("cannot get in at the next login before an access pass is given")
    petra.picture("demanded-1-confirm")
    petra.confirm()
    petra.sees("Acme Machines demands an access pass before each first set-up.")
    petra.picture("demanded-2-on")

    caller = at(kim)
    caller.sign_in()
    caller.is_on(CHALLENGE)
    expect(caller.heading("Enter your access pass")).to_be_visible()
    caller.sees("Setting up your account needs an access pass. Ask your administrator for one.")
    caller.picture("demanded-3-asked")
    for path in (SET_UP, "/login/setup/passkey/", "/portal/", "/user-settings/mfa/"):
        caller.open(path)
        caller.is_on(CHALLENGE)

    petra.find_user("kim")
    petra.link("Kim Hansen").click()
    petra.picture("demanded-4-user")
    petra.link("Give an access pass").click()
    petra.picture("demanded-5-give")
    petra.role("radio", "In person").check()
    petra.field("Reason").fill("First day")
    expect(petra.role("checkbox", "Sign out everywhere", exact=False)).not_to_be_checked()  # they wait at the login
    petra.confirm()
    shown = petra.role("status", "Access pass")
    code = shown.inner_text()
    expect(petra.button("Print")).to_be_visible()
    petra.picture("demanded-6-shown")
    petra.page.reload()
    expect(petra.heading("It was shown already")).to_be_visible()
    expect(shown).to_have_count(0)
    assert [mail.subject for mail in mailoutbox if mail.to == [kim.user.email]]

    caller.field("Access pass").fill("AAAAA-BBBBB-CCCCC")
    caller.button("Continue").click()
    caller.picture("demanded-7-wrong")
    caller.field("Access pass").fill(code.lower())
    caller.button("Continue").click()
    caller.is_on(SET_UP)

    thief = at(Person(kim.user))  # who has read the first password, and the pass over a shoulder
    thief.sign_in()
    thief.is_on(CHALLENGE)
    thief.field("Access pass").fill(code)
    thief.button("Continue").click()
    thief.is_on(CHALLENGE)
    thief.sees("This access pass is over")
    thief.picture("demanded-8-over")

    caller.set_up_app()
    caller.save_codes()
    caller.is_on("/portal/")
    thief.open("/portal/")
    thief.is_on(CHALLENGE)
    assert kim.user.check_password(PASSWORD)
