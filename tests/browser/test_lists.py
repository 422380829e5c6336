"""The list of users and a user's page with a script's help: it answers while one types, and loses nothing typed."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from accounts import people
from accounts.not_me import Claim
from audit.models import AuditEvent
from companies.letting_in import APP
from companies.lost_phone import reset
from mfa import services
from tests.people import Person

USERS = "/settings/administration/users/"


@pytest.fixture
def petra(administrator, at):
    desk = at(administrator)
    desk.bring_session()
    return desk


def test_the_list_answers_while_one_types_and_its_menus_still_open(petra, make_user, kim):
    make_user("bo", first_name="Bo", last_name="Ek")
    petra.open(USERS)
    petra.page.get_by_role("searchbox", name="Search users").press_sequentially("hansen")

    expect(petra.page.get_by_role("link", name="Bo Ek")).to_have_count(0)
    expect(petra.page.get_by_role("link", name="Kim Hansen")).to_be_visible()
    expect(petra.page).to_have_url(re.compile(r"\?.*q=hansen"))
    expect(petra.page.get_by_role("searchbox", name="Search users")).to_be_focused()
    petra.button("Actions for kim").click()
    petra.page.get_by_role("link", name="Multi-factor authentication").click()
    expect(petra.window).to_be_visible()


SLOWLY = """const fast = fetch; window.fetch = async (...asked) => {
  const answer = await fast(...asked);
  await new Promise((later) => setTimeout(later, 1200));
  return answer;
}"""


@pytest.mark.parametrize("place", ["users", "companies"])
def test_a_slow_network_ends_with_what_was_typed_last(place, petra, kim, company):
    """Answers take longer than letters: none of them stays that belongs to fewer letters."""
    sought, found = {"users": ("hansen", "Kim Hansen"), "companies": ("machines", company.name)}[place]
    petra.page.add_init_script(SLOWLY)
    petra.open(f"/settings/administration/{place}/")
    petra.page.get_by_role("searchbox").press_sequentially(sought, delay=350)

    expect(petra.page).to_have_url(re.compile(rf"[?&]q={sought}(&|$)"))
    expect(petra.page.locator("#found")).to_contain_text(found)


def test_the_first_person_is_on_a_phones_first_screen_and_an_empty_list_has_its_padding(administrator, at, kim):
    phone = at(administrator, viewport={"width": 360, "height": 740})
    phone.bring_session()
    phone.open(USERS)
    box = phone.page.get_by_role("link", name="Kim Hansen").bounding_box()
    assert box["y"] + box["height"] < 740

    phone.open(f"{USERS}?q=nobodyatall")
    card, title = phone.page.locator(".listing").bounding_box(), phone.page.locator(".empty h2").bounding_box()
    assert title["x"] - card["x"] >= 16
    assert phone.page.locator(".empty").evaluate("it => parseFloat(getComputedStyle(it).paddingTop)") >= 40


def test_on_a_phone_the_filter_that_was_chosen_is_in_sight_and_the_page_begins_at_its_top(administrator, at, kim):
    phone = at(administrator, viewport={"width": 360, "height": 740})
    phone.bring_session()
    for page in ("/settings/administration/activity/?act=all", f"{USERS}?show=never"):
        phone.open(page)
        chosen = phone.page.locator(".chips [aria-current]")
        expect(chosen).to_be_in_viewport(ratio=1)
        assert phone.page.evaluate("scrollY") == 0


# Labels before the values of a card, and what fields say while they are empty (a search keeps room for its cross): by how
# many pixels each is too wide for its place.
TOO_WIDE = """() => {
  const draw = document.createElement("canvas").getContext("2d");
  const width = (text, style) => { draw.font = style.font; return draw.measureText(text).width; };
  const labels = [...document.querySelectorAll("td[data-label]")].filter((each) => getComputedStyle(each).display === "grid")
    .map((each) => [each.dataset.label, getComputedStyle(each, "::before")])
    .filter(([text, style]) => style.content !== "none").map(([text, style]) => [text, width(text, style) - parseFloat(style.width)]);
  const hints = [...document.querySelectorAll("input[placeholder]")].map((each) => [each, getComputedStyle(each)])
    .map(([each, style]) => [each.placeholder, width(each.placeholder, style) + (each.type === "search" ? 16 : 0)
      - (each.clientWidth - parseFloat(style.paddingInlineStart) - parseFloat(style.paddingInlineEnd))]);
  return { labels: labels.length, hints: hints.length, wide: [...labels, ...hints].filter(([, more]) => more > 0) };
}"""


@pytest.mark.parametrize("language", ["en-GB", "de-DE"])
@pytest.mark.parametrize("width", [1280, 360])
def test_labels_and_hints_fit_into_their_places(width, language, administrator, at, kim, company):
    desk = at(administrator, viewport={"width": width, "height": 800}, locale=language)
    desk.bring_session()
    for page in (USERS, "/settings/administration/companies/", "/settings/administration/activity/"):
        desk.open(page)
        found = desk.page.evaluate(TOO_WIDE)
        assert found["wide"] == [], page
        assert found["hints"], page
        if width == 360 and page == USERS:
            assert found["labels"] == 2 * 4


@pytest.mark.parametrize("address", ["nora@straße.example", "nora＠straße.example", "nora@straße.example."])
def test_a_browser_makes_no_other_domain_of_what_is_typed(address, petra, mailoutbox):
    petra.open(f"{USERS}new/")
    petra.field("User name").fill("nora")
    petra.field("E-mail").fill(address)
    petra.page.get_by_label("Role").select_option("administrator")
    petra.button("Create and invite").click()

    petra.sees("nora is invited: the link went to nora@straße.example and is good for 7 days.")
    assert mailoutbox[-1].to == ["nora@xn--strae-oqa.example"]
    petra.page.get_by_label("Last name").fill("Lund")
    petra.button("Save").click()
    petra.sees("The profile of Lund is saved.")
    expect(petra.field("E-mail")).to_have_value("nora@straße.example")


@pytest.mark.parametrize("width", [1280, 360])
def test_a_name_of_a_hundred_and_fifty_letters_makes_no_page_wider_than_the_screen(width, administrator, make_user, at):
    nora = make_user("ф" * 150, role="administrator")
    desk = at(administrator, viewport={"width": width, "height": 900})
    desk.bring_session()
    for page in (f"{USERS}{nora.pk}/", f"{USERS}{nora.pk}/mfa/", f"{USERS}?q=ффф"):
        desk.open(page)
        assert desk.page.evaluate("document.documentElement.scrollWidth") == width, page
    own = at(Person(nora), viewport={"width": width, "height": 900})
    own.arrive("/user-settings/mfa/two-factor/set-up/")
    assert own.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("width", [1280, 320])
def test_a_reason_without_a_space_makes_no_page_wider_than_the_screen(width, administrator, kim_with_app, at):
    kim = kim_with_app.user
    reset(kim, lost={APP}, checked="called_back", reason="x" * 300, actor=administrator.user)
    line = AuditEvent.objects.select_related("subject").get(action="user_reset")
    people.report_not_me(Claim(line, kim.email), about="What you sign in with was removed")
    desk = at(administrator, viewport={"width": width, "height": 900})
    desk.bring_session()
    company = f"/settings/administration/companies/{kim.company_id}/"
    activity = f"/settings/administration/activity/?person={kim.pk}&time=any"
    for page in (f"{USERS}{kim.pk}/", f"{USERS}{kim.pk}/mfa/", f"{USERS}{kim.pk}/let-in/", company, activity):
        desk.open(page)
        expect(desk.page.locator("body")).to_contain_text("x" * 300)
        assert desk.page.evaluate("document.documentElement.scrollWidth") == width, page


@pytest.mark.parametrize("away", ["All users", "Deactivate", "Portal"])
def test_what_was_typed_in_a_profile_is_not_lost_without_a_word(petra, kim, away):
    petra.open(f"{USERS}{kim.user.pk}/")
    petra.page.get_by_label("Last name").fill("Lund")
    if away == "Portal":
        petra.button(re.compile("change app")).click()
    petra.page.get_by_role("link", name=away).first.click()

    expect(petra.page.get_by_role("alert")).to_contain_text("What you changed above is not saved yet.")
    expect(petra.page.get_by_label("Last name")).to_have_value("Lund")
    petra.button("Save the changes").click()
    expect(petra.page.get_by_role("status")).to_contain_text("is saved")
    kim.user.refresh_from_db()
    assert kim.user.last_name == "Lund"


def test_who_wants_to_leaves_what_they_typed(petra, kim):
    petra.open(f"{USERS}{kim.user.pk}/?q=kim")
    petra.page.get_by_label("Last name").fill("Lund")
    petra.page.get_by_role("link", name="All users").click()
    petra.button("Go on without saving").click()

    expect(petra.page).to_have_url(re.compile(rf"{USERS}\?q=kim$"))


@pytest.mark.parametrize(
    ("page", "name", "away"),
    [
        (f"{USERS}new/", "Last name", "All users"),
        ("/settings/administration/companies/new/", "Name", "All companies"),
        ("/settings/administration/companies/{company}/edit/", "Name", "Overview"),
        (f"{USERS}{{kim}}/let-in/", "Reason", "Change the e-mail address"),
    ],
)
def test_what_was_typed_in_any_form_about_a_row_is_not_lost_without_a_word(
    petra, kim, admin, company, page, name, away
):
    people.lock_user(kim.user, actor=admin)
    petra.open(page.format(company=company.pk, kim=kim.user.pk))
    before = petra.page.url
    petra.field(name).fill("Lund")
    petra.link(away).first.click()

    alert = petra.page.get_by_role("alert")
    expect(alert).to_contain_text(re.compile("is lost if you leave this page|is not saved yet"))
    expect(petra.page).to_have_url(before)
    expect(petra.field(name)).to_have_value("Lund")
    alert.get_by_role("button").last.click()
    expect(petra.page).not_to_have_url(before)


def test_who_was_asked_may_stay_with_what_they_typed(petra):
    petra.open(f"{USERS}new/")
    petra.field("Last name").fill("Lund")
    petra.link("All users").click()
    petra.button("Stay here").click()

    expect(petra.page.get_by_role("alert")).to_have_count(0)
    expect(petra.field("Last name")).to_have_value("Lund")


def test_cancel_is_a_word_itself(petra):
    petra.open(f"{USERS}new/")
    petra.field("Last name").fill("Lund")
    petra.link("Cancel").click()

    petra.is_on(USERS)


AWAY = {
    "back": lambda page: page.evaluate("history.back()"),
    "reload": lambda page: page.evaluate("setTimeout(() => location.reload())"),
    "close": lambda page: page.close(run_before_unload=True),
}


@pytest.mark.parametrize("away", AWAY)
def test_the_browser_asks_before_what_was_typed_is_lost(away, petra):
    petra.open(USERS)
    petra.open(f"{USERS}new/")
    petra.field("Last name").press_sequentially("Lund")
    with petra.page.expect_event("dialog") as asked:
        AWAY[away](petra.page)
    assert asked.value.type == "beforeunload"
    asked.value.dismiss()

    expect(petra.field("Last name")).to_have_value("Lund")
    petra.is_on(f"{USERS}new/")


@pytest.mark.parametrize("way", ["save", "cancel", "nothing typed", "typed and taken back"])
def test_the_browser_does_not_ask_where_nothing_is_lost(way, petra, kim):
    asked = []
    petra.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    petra.open(USERS)
    petra.open(f"{USERS}{kim.user.pk}/" if way == "save" else f"{USERS}new/")
    petra.field("Last name").click()
    if way != "nothing typed":
        petra.page.keyboard.type("Lund")
    if way == "save":
        petra.button("Save").click()
        expect(petra.page.get_by_role("status")).to_contain_text("is saved")
    elif way == "cancel":
        petra.link("Cancel").click()
        petra.is_on(USERS)
    else:
        petra.field("Last name").fill("")
        petra.page.evaluate("history.back()")
        petra.is_on(USERS)

    assert asked == []


def test_what_was_refused_is_not_saved_and_not_lost_either(petra, kim):
    petra.open(f"{USERS}{kim.user.pk}/")
    petra.field("User name").fill("no such name!")
    petra.button("Save").click()
    expect(petra.field("User name")).to_have_attribute("aria-invalid", "true")
    petra.link("All users").click()

    expect(petra.page.locator("#unsaved")).to_contain_text("is not saved yet")


@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 800)])
def test_recovery_codes_stand_in_two_columns_and_the_button_below_them_is_in_sight(at, kim, admin, width, height):
    desk = at(kim, viewport={"width": width, "height": height})
    services.enable_two_factor(kim.user, actor=admin)
    desk.sign_in()
    expect(desk.page.get_by_role("link", name="Open in your authenticator app")).to_have_count(1 if width < 768 else 0)
    desk.set_up_app()

    expect(desk.button("Continue")).to_be_visible()

    codes = desk.page.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    assert len({round(code.bounding_box()["x"]) for code in codes.all()}) == 2
    assert desk.page.evaluate("document.documentElement.scrollWidth") <= width
    if height == 900:
        box = desk.button("Continue").bounding_box()
        assert box["y"] + box["height"] <= height
