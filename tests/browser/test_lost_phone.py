"""A lost phone, two people at a time: whoever administers, and whoever calls."""

from __future__ import annotations

from time import monotonic

from playwright.sync_api import expect

from mfa import services
from tests.people import Person

FOUR, HALF_A_MINUTE = 4, 30


def test_a_lost_phone_takes_four_clicks_and_less_than_half_a_minute_and_lets_its_owner_in_again(at, admin, kim, capsys):
    """Counted from the home page, typing apart: a click for each time that the mouse is pressed."""

    kim.set_up_app()
    petra, caller = at(Person(admin)), at(kim)
    petra.page.add_init_script(
        "addEventListener('click', (event) => event.detail && fetch('/health/live?click'), true)"
    )
    clicks: list[str] = []
    petra.page.on("request", lambda request: clicks.append(request.url) if request.url.endswith("?click") else None)
    petra.arrive("/settings/")
    began = monotonic()

    petra.administration("User").click()
    petra.page.get_by_role("searchbox", name="Search users").fill("kim")
    petra.page.keyboard.press("Enter")
    petra.link("Kim Hansen").click()
    petra.link("Lost phone").click()
    petra.page.get_by_role("radio", name="Called back on a number we had before").click()
    petra.field("Reason").fill("Left on the train")
    petra.page.keyboard.press("Enter")
    shown = petra.page.get_by_role("status", name="Access pass")
    code = shown.inner_text()

    took = monotonic() - began
    assert len(clicks) == FOUR
    assert took < HALF_A_MINUTE
    with capsys.disabled():
        print(f"\nlost phone: {len(clicks)} clicks (4 at most), {took:.1f} s (30 at most)")

    caller.sign_in()
    expect(caller.heading("Enter your access pass")).to_be_visible()
    caller.field("Access pass").fill(code.lower())
    caller.button("Continue").click()
    caller.set_up_app()
    caller.save_codes()
    caller.is_on("/portal/")

    petra.link("Done").click()
    expect(petra.link("Withdraw the access pass")).to_have_count(0)


def test_a_pass_that_is_withdrawn_while_its_owner_types_opens_nothing(at, admin, kim):

    kim.set_up_app()
    petra, caller = at(Person(admin)), at(kim)
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/lost-phone/?from=user")
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
    petra.arrive(f"/settings/administration/users/{kim.user.pk}/lost-phone/?from=user")
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
