"""Who is left in a company, and reminding them: two people, and the mail between them."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from companies.services import enable_company_two_factor
from tests.people import Person


@pytest.mark.parametrize("width", [1280, 360])
def test_who_is_left_is_reminded_once_a_day_and_follows_the_mail(width, at, admin, kim, ada, company, mailoutbox):
    enable_company_two_factor(company, actor=admin)
    mailoutbox.clear()
    petra = at(Person(admin), viewport={"width": width, "height": 800})
    petra.arrive("/settings/")
    petra.link("Acme Machines").click()
    expect(petra.heading("2 are left")).to_be_visible()
    petra.picture("remind-1-company")
    petra.button("Remind them").click()
    expect(petra.heading("Reminds 2 users")).to_be_visible()
    petra.picture("remind-2-counts")
    petra.button("Remind: 2 users").click()
    expect(petra.heading("Done")).to_be_visible()
    petra.fits()
    petra.picture("remind-3-done")
    petra.link("To the users").click()
    expect(petra.text("Reminded today").filter(visible=True)).to_have_count(2)  # the list is as it was filtered
    petra.fits()
    petra.picture("remind-4-list")

    mail = next(mail for mail in mailoutbox if mail.to == ["kim@acme.example"])
    caller = at(kim, viewport={"width": width, "height": 800})
    caller.open_mail(mail, "user-settings")
    caller.is_on("/login/")
    caller.enter_password()
    caller.set_up_app()
    caller.save_codes()
    caller.is_on("/portal/")  # not asked for it once more by the mail's link

    petra.open(f"/settings/administration/companies/{company.pk}/")
    expect(petra.heading("1 is left")).to_be_visible()
    petra.sees("reminded today")
    petra.button("Remind them").click()
    expect(petra.heading("Reminds nobody, skips 1")).to_be_visible()
    petra.sees("1: Reminded within the last 24 hours")
    petra.picture("remind-5-again")
    petra.link("Cancel").click()
    petra.link("Ada Berg").click()
    petra.sees("Reminded")
    expect(petra.role("button", "Remind", exact=False)).to_have_count(0)
    petra.picture("remind-6-user")
    assert len([mail for mail in mailoutbox if mail.to == ["ada@acme.example"]]) == 1
