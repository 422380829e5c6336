"""A lost phone, two people at a time: whoever administers, and whoever calls."""

from __future__ import annotations

from playwright.sync_api import expect

from mfa import services
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
