"""The site without JavaScript: everything but what needs the browser's passkeys."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from accounts.models import User
from audit.models import AuditEvent
from audit.vocabulary import Action
from mfa import services

USERS = "/settings/administration/users/"


def verify(desk, code) -> None:
    desk.field("Code").fill(code)
    desk.button("Verify").click()


def test_signing_in_with_a_code_and_out_again(kim, plain):
    kim.set_up_app()
    desk = plain(kim)
    desk.open("/login/?next=/m2s/")
    why = desk.page.locator("noscript p")
    expect(why).to_be_visible()
    expect(why).to_have_text("Passkeys need JavaScript, which is switched off in this browser.")
    desk.enter_password()
    verify(desk, "000000" if kim.code() != "000000" else "111111")
    desk.sees("This code is not right.")
    verify(desk, kim.code())
    desk.is_on("/m2s/")
    desk.sign_out()


def test_a_recovery_code(kim, plain):
    kim.set_up_app()
    desk = plain(kim)
    desk.sign_in()
    desk.link("Use a recovery code").click()
    desk.field("Recovery code").fill(kim.codes[0])
    desk.button("Verify").click()
    desk.is_on("/portal/")
    desk.sees("You used a recovery code. 9 are left")


def test_setting_up_with_the_key_then_not_now(kim, admin, plain):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    desk = plain(kim)
    desk.sign_in()
    expect(desk.page.get_by_role("img", name="QR code")).to_be_visible()
    desk.set_up_app()
    desk.button("Turn on two-factor authentication").click()
    desk.save_codes()
    desk.is_on("/login/setup/passkey/")
    desk.button("Not now").click()
    desk.is_on("/portal/")


def test_recovery_codes_are_not_left_before_they_are_saved(kim, admin, plain):
    services.enable_two_factor(kim.user, actor=admin)
    desk = plain(kim)
    desk.sign_in()
    desk.set_up_app()
    desk.button("Turn on two-factor authentication").click()
    desk.page.get_by_role("checkbox").evaluate("box => box.required = false")
    desk.button("Continue").click()
    desk.sees("Save the codes first, then tick this box.")
    desk.save_codes()
    desk.is_on("/portal/")


def test_the_window_opens_and_closes(plain_petra, kim):
    plain_petra.open_window_of("kim")
    plain_petra.is_on(f"{USERS}{kim.user.pk}/mfa/")
    plain_petra.button("Close").click()
    plain_petra.is_on(USERS)
    expect(plain_petra.dialog).to_have_count(0)


def test_the_window_is_within_the_screen_over_a_long_list(plain_petra, kim, make_user):
    for number in range(24):
        make_user(f"person.{number}")
    plain_petra.open(f"{USERS}{kim.user.pk}/mfa/")
    expect(plain_petra.window).to_be_in_viewport()


def test_nothing_lies_over_the_window_on_a_phone(plain_petra, kim):
    plain_petra.page.set_viewport_size({"width": 360, "height": 740})
    plain_petra.open(f"{USERS}{kim.user.pk}/mfa/")
    on_top = "window => window.contains(document.elementFromPoint(180, window.getBoundingClientRect().top + 9))"
    assert plain_petra.window.evaluate(on_top)


def test_switching_on_and_off(plain_petra, kim, plain):
    plain_petra.open_window_of("kim")
    plain_petra.switch.click()
    plain_petra.confirm()
    plain_petra.sees("Kim will be asked to set up two-factor authentication at the next login.")
    desk = plain(kim)
    desk.sign_in()
    desk.is_on("/login/setup/two-factor/")

    plain_petra.switch.click()
    plain_petra.button("Cancel").click()
    expect(plain_petra.window).to_be_visible()
    plain_petra.switch.click()
    plain_petra.page.get_by_role("checkbox", name="Sign out now").check()
    plain_petra.confirm()
    plain_petra.sees("Kim will no longer be asked to set up two-factor authentication.")
    desk.sign_in()
    desk.is_on("/portal/")


def test_requesting_a_passkey_and_deleting_the_request(plain_petra, kim):
    plain_petra.open_window_of("kim")
    plain_petra.button("Request new passkey").click()
    plain_petra.sees("Kim will be asked to create a passkey at the next login.")
    plain_petra.button("Delete current passkey request").click()
    plain_petra.sees("The request is deleted. Kim will no longer be asked for a passkey.")


def test_deleting_a_passkey(plain_petra, kim):
    passkey = kim.add_passkey()
    plain_petra.open_window_of("kim")
    plain_petra.button(f"Delete passkey {passkey.name}").click()
    plain_petra.confirm()
    plain_petra.sees(f"The passkey “{passkey.name}” is deleted.")
    assert not kim.user.passkeys.exists()


def test_the_companys_switch(plain_petra, kim, company):
    plain_petra.open("/settings/")
    plain_petra.open_company("Acme Machines")
    plain_petra.switch.click()
    plain_petra.confirm()
    plain_petra.sees("Acme Machines requires two-factor authentication. 1 user will be asked at the next login.")
    plain_petra.switch.click()
    plain_petra.confirm()
    plain_petra.sees("Acme Machines no longer requires two-factor authentication. 1 user is no longer asked.")
    company.refresh_from_db()
    assert not company.two_factor_enabled


def test_an_interrupted_act_goes_on_by_a_button(plain_petra, kim):
    plain_petra.open_window_of("kim")
    session = plain_petra.person.client.session
    session["proofs"] = [proof | {"at": proof["at"] - 20 * 60} for proof in session["proofs"]]
    session.save()
    plain_petra.button("Request new passkey").click()
    plain_petra.password_field.fill("correct horse battery staple")
    plain_petra.button("Verify").click()
    plain_petra.button("Go on").click()
    plain_petra.sees("Kim will be asked to create a passkey at the next login.")


def test_a_list_is_sorted_by_a_button(plain_petra, kim):
    plain_petra.page.get_by_label("Sort by").select_option("Last login")
    plain_petra.button("Search").click()
    expect(plain_petra.page.get_by_role("row").nth(1)).to_contain_text("Petra Vogt")


COVERED = """(part) => {
  const { x, y, width, height } = part.getBoundingClientRect();
  return !part.contains(document.elementFromPoint(x + width / 2, y + height / 2));
}"""


def test_the_history_of_a_person_goes_on_where_it_stands_on_the_page(plain_petra, kim):
    """Its heading is on the screen then, and not behind the bar at the top."""
    for number in range(25):
        details = {"before": f"Key {number}", "name": f"Key {number + 1}"}
        AuditEvent.objects.create(action=Action.PASSKEY_RENAMED, actor=kim.user, subject=kim.user, details=details)
    plain_petra.open(f"{USERS}{kim.user.pk}/")

    plain_petra.link("Earlier").click()

    expect(plain_petra.page.get_by_text("to “Key 15”")).to_be_visible()
    assert not plain_petra.heading("History").evaluate(COVERED)
    plain_petra.link("Later").click()
    expect(plain_petra.page.get_by_text("to “Key 25”")).to_be_visible()


def test_two_people_at_once(plain_petra, make_user):
    for number in range(2):
        make_user(f"kim{number}")
    plain_petra.open(USERS)
    plain_petra.page.get_by_label("Select kim0").check()
    plain_petra.page.get_by_label("Select kim1").check()
    plain_petra.button("Require 2FA").click()
    expect(plain_petra.heading("Changes 2 users")).to_be_visible()
    plain_petra.button("Require 2FA: 2 users").click()
    expect(plain_petra.heading("Done")).to_be_visible()
    assert User.objects.filter(username__startswith="kim", two_factor_enabled=True).count() == 2


def test_people_from_a_file(plain_petra, company):
    plain_petra.link("Import").click()
    people = b"user name,e-mail,company\nb.achterberg,b@acme.example,Acme Machines\n"
    plain_petra.page.get_by_label("CSV file").set_input_files(
        {"name": "a.csv", "mimeType": "text/csv", "buffer": people}
    )
    plain_petra.button("Look at it").click()
    plain_petra.page.get_by_role("button", name=re.compile("^Import")).click()
    expect(plain_petra.heading("The import is done")).to_be_visible()
    assert User.objects.filter(username="b.achterberg", company=company).exists()


def test_a_lost_phone_and_the_pass_for_it(plain_petra, kim, plain, admin):
    kim.set_up_app()
    services.enable_two_factor(kim.user, actor=admin)
    plain_petra.open(f"{USERS}{kim.user.pk}/lost-phone/?on=user")
    plain_petra.page.get_by_role("radio", name="In person").check()
    plain_petra.field("Reason").fill("New phone")
    plain_petra.confirm()
    code = plain_petra.page.get_by_role("status", name="Access pass").inner_text()

    caller = plain(kim)
    caller.sign_in()
    caller.field("Access pass").fill(code)
    caller.button("Continue").click()
    caller.is_on("/login/setup/two-factor/")


def test_what_was_done_is_found(plain_petra, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    plain_petra.open("/settings/administration/activity/")
    lines = plain_petra.page.locator(".timeline > li")
    expect(lines).to_contain_text(["switched two-factor authentication on"])
    plain_petra.page.get_by_label("Time").select_option(label="Any time")
    plain_petra.page.get_by_role("searchbox").fill("nobody.of.this.name")
    plain_petra.button("Show").click()
    expect(lines).to_have_count(0)
