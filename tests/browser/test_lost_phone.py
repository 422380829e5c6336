"""A lost phone, two people at a time: whoever administers, and whoever calls."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from accounts.models import Role
from mfa import services
from tests.links import NEW
from tests.people import Person


def test_a_pass_that_is_withdrawn_while_its_owner_types_opens_nothing(at, admin, kim):

    kim.set_up_app()
    petra, caller = at(Person(admin)), at(kim)
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/lost-phone/?on=user")
    petra.page.get_by_role("radio", name="In person").check()
    petra.field("Reason").fill("New phone")
    petra.page.locator("#id_app").uncheck()
    petra.page.locator("#id_codes").uncheck()
    petra.confirm()
    code = petra.page.get_by_role("status", name="Access pass").inner_text()
    caller.sign_in()
    caller.link("Use an access pass").click()
    caller.field("Access pass").fill(code)

    petra.link("Withdraw the access pass").click()
    petra.confirm()
    petra.sees("access pass opens nothing any more.")
    caller.button("Continue").click()

    caller.sees("This access pass is over")
    caller.enter_code(kim.code())  # the phone was at home after all
    caller.is_on("/portal/")


@pytest.mark.parametrize("script", [True, False])
def test_what_goes_is_said_as_it_is_ticked(at, admin, kim, script):
    """Recovery codes go with the app, ticked or not; with a script and without one."""
    kim.set_up_app()
    kim.add_passkey()
    petra = at(Person(admin), java_script_enabled=script)
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/lost-phone/?on=user")
    passkey = str(kim.user.passkeys.get().pk)
    rows = {key: petra.page.locator(f"li:has([name='{key}'])") for key in ("app", "codes", passkey)}

    for ticked in ({"app"}, {"codes"}, {"app", "codes"}, {passkey}, set()):
        for key, row in rows.items():
            row.get_by_role("checkbox").set_checked(key in ticked)
        gone = ticked | ({"codes"} if "app" in ticked else set())
        for key, row in rows.items():
            for word in ("Goes", "Stays"):
                expect(row.get_by_text(word, exact=True)).to_be_visible(visible=(word == "Goes") == (key in gone))

    rows["app"].get_by_role("checkbox").check()
    petra.role("radio", "In person").check()
    petra.field("Reason").fill("New phone")
    petra.confirm()
    petra.sees("Removed from Kim’s account: the authenticator app and 10 recovery codes.")


def test_two_who_help_at_once_end_no_pass_unseen(at, admin, kim, make_person, company):
    """The second reads of the first one's pass; cancelled, it still opens the set-up."""
    kim.set_up_app()
    hanna = make_person("hanna", first_name="Hanna", role=Role.HELPDESK, company=None)
    petra, hanna, caller = at(Person(admin)), at(hanna), at(kim)
    for desk in (petra, hanna):
        desk.arrive(f"/settings/administration/users/{kim.user.pk}/")
        desk.link("Lost phone").click()
        desk.role("radio", "In person").check()
        desk.field("Reason").fill("Left on the train")

    petra.confirm()
    code = petra.role("status", "Access pass").inner_text()
    hanna.confirm()

    hanna.sees("This account was changed after this page was opened, and nothing was done.")
    hanna.sees("Kim has an open access pass: made by Petra Vogt today, ")
    hanna.fits()
    hanna.picture("two-at-once")
    hanna.button("Cancel").click()
    hanna.sees("has an access pass until")
    caller.sign_in()
    caller.field("Access pass").fill(code)
    caller.button("Continue").click()
    caller.is_on("/login/setup/two-factor/")


def test_the_pass_prints_alone_on_the_sheet(at, admin, kim):

    kim.set_up_app()
    services.enable_two_factor(kim.user, actor=admin)
    petra = at(Person(admin))
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/lost-phone/?on=user")
    petra.page.get_by_role("radio", name="In person").check()
    petra.field("Reason").fill("New phone")
    petra.confirm()
    shown = petra.page.get_by_role("status", name="Access pass")
    expect(shown).to_be_visible()

    petra.page.emulate_media(media="print")

    expect(shown).to_be_visible()
    expect(petra.heading("m2v access pass for kim")).to_be_visible()
    for gone in (
        petra.heading("Access pass for Kim Hansen"),
        petra.heading("What to tell Kim"),
        petra.button("User menu"),
    ):
        expect(gone).to_be_hidden()
    expect(petra.page.get_by_text("Removed from Kim")).to_be_hidden()


def test_somebody_with_a_password_and_nothing_else_is_signed_out_everywhere(at, admin, kim):
    petra, caller = at(Person(admin)), at(kim)
    caller.arrive("/portal/")
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/")
    petra.link("Lost phone").click()
    petra.role("radio", "In person").check()
    petra.field("Reason").fill("Left on the train")
    petra.confirm()

    petra.sees("1 session ended.")
    caller.open("/portal/")
    caller.is_on("/login/")


def test_after_this_was_not_me_the_old_app_is_put_back_and_its_codes_work(at, admin, kim, make_person, mailoutbox):
    """On phones: Petra believes somebody who is not Kim, Kim says so, and Samir looks at it with her."""
    phone = {"viewport": {"width": 360, "height": 740}}
    samir = at(make_person("samir", first_name="Samir", role=Role.ADMINISTRATOR, company=None), **phone)
    petra, thief, owner = at(Person(admin), **phone), at(Person(kim.user), **phone), at(kim, **phone)
    kim.set_up_app()
    kim.sign_in()  # by which it is known what was surely Kim's

    petra.arrive("/settings/")
    petra.find_user("kim")
    petra.link("Kim Hansen").click()
    petra.fits()
    petra.link("Lost phone").click()
    petra.role("radio", "Vouched for by a company administrator").check()
    petra.field("Reason").fill("Left on the train")
    petra.fits()
    petra.picture("back-1-lost")
    petra.confirm()
    code = petra.role("status", "Access pass").inner_text()
    petra.fits()
    petra.picture("back-2-pass")

    thief.sign_in()
    thief.field("Access pass").fill(code)
    thief.button("Continue").click()
    thief.set_up_app()
    thief.save_codes()
    thief.is_on("/portal/")

    [mail] = [mail for mail in mailoutbox if "What you sign in with was removed" in mail.subject]
    owner.open_mail(mail, "not-me")
    owner.fits()
    owner.picture("back-3-not-me")
    owner.button("Lock my account").click()
    expect(owner.heading("This account was locked")).to_be_visible()
    owner.picture("back-4-locked")
    thief.open("/portal/")
    thief.is_on("/login/")
    owner.sign_in()
    owner.sees("locked")
    owner.picture("back-5-told")

    samir.arrive("/settings/")
    samir.picture("back-6-overview")
    samir.link("1 account is locked").press("Enter")
    samir.picture("back-7-list")
    locked = samir.page.locator("a.pill")
    assert locked.bounding_box()["height"] < 32, "icon and word stand beside each other"
    samir.link("Kim Hansen").click()
    samir.link("Look at the account and let Kim in again").click()
    samir.fits()
    samir.picture("back-8-let-in")
    samir.role("radio", "In person").check()
    samir.field("Reason").fill("It was not Kim who called")
    samir.button("Let Kim in again").click()
    samir.sees("Kim")
    samir.fits()
    samir.picture("back-9-done")

    owner.open_mail(mailoutbox[-1], "invitation")
    owner.labelled("New password").fill(NEW)
    owner.labelled("New password, again").fill(NEW)
    owner.button("Save the password").click()
    owner.picture("back-A-saved")
    owner.open("/login/")
    owner.enter_password(NEW)
    owner.is_on("/login/challenge/")
    owner.enter_code(kim.code(1))  # that of now may have been used at the beginning
    owner.is_on("/portal/")
    thief.open("/login/")
    thief.enter_password(NEW)
    thief.enter_code(thief.person.code())
    thief.sees("This code is not right.")
