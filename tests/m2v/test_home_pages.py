"""The home pages of the three apps: who gets where, the app switcher, and "Your sign-in security" from real data."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from heroicons.templatetags.heroicons import heroicon_outline

from accounts import people
from accounts.models import Role
from companies.models import Company
from m2v import __version__
from mfa import services
from mfa.models import Passkey, RecoveryCode
from tests.audit import forget
from tests.companies import press, read
from tests.people import PASSWORD, Person, browser

OWN = "/user-settings/mfa/"
APPS = ("/portal/", "/m2s/")


def card(person, app="/portal/"):
    """ "Your sign-in security", as the person's home page shows it."""
    return read(person.client.get(app)).one("section", **{"aria-labelledby": "security"})


def facts(person, app="/portal/"):
    """The card's entries, by name."""
    return {item.all("a")[0].words: item.words for item in card(person, app).all("li")}


def sign_ins(person):
    page = read(person.client.get("/m2s/"))
    return [item.all("p")[0].words for item in page.one("section", **{"aria-labelledby": "recent"}).all("li")]


@pytest.fixture
def inside(kim):
    """Kim, signed in with what they have."""
    kim.sign_in()
    return kim


# --- Who gets where ---


@pytest.mark.parametrize(
    ("role", "home"),
    [
        (Role.MEMBER, "/portal/"),
        (Role.COMPANY_ADMINISTRATOR, "/settings/"),
        (Role.ADMINISTRATOR, "/settings/"),
    ],
)
def test_home_is_the_app_of_ones_role(make_person, role, home):
    person = make_person("robin", role=role)

    assert person.enter_password().headers["Location"] == "/"
    assert person.client.get("/").headers["Location"] == home


@pytest.mark.parametrize("address", ["/", *APPS, "/settings/"])
def test_a_stranger_is_sent_to_the_login_and_back_to_where_they_wanted_to(kim, address):
    stranger = browser()
    answer = stranger.get(address)
    assert answer.headers["Location"].startswith("/login/?next=")
    kim.client = stranger
    after = kim.enter_password(next=address)

    assert after.headers["Location"] == address


@pytest.mark.parametrize("address", ["/", "/portal/"])
def test_a_home_page_takes_no_form(inside, address):
    assert inside.client.post(address).status_code == 405
    assert inside.client.head(address).status_code in {200, 302}
    assert "no-store" in inside.client.get(address).headers["Cache-Control"]


# --- The app switcher ---


@pytest.mark.parametrize(
    ("role", "apps"),
    [
        (Role.MEMBER, {"Portal": "/portal/", "m2s": "/m2s/"}),
        (Role.COMPANY_ADMINISTRATOR, {"Settings": "/settings/", "Portal": "/portal/", "m2s": "/m2s/"}),
        (Role.ADMINISTRATOR, {"Settings": "/settings/", "Portal": "/portal/", "m2s": "/m2s/"}),
    ],
)
def test_the_switcher_offers_the_apps_that_one_may_open(make_person, role, apps):
    person = make_person("robin", role=role)
    person.sign_in()
    page = read(person.client.get("/portal/"))
    menu = next(found for found in page.all("div") if found.attrs.get("id") == "apps")

    assert {link.all("span")[0].children[0]: link.attrs["href"] for link in menu.all("a")} == apps
    assert all(person.client.get(address).status_code == 200 for address in apps.values())


@pytest.mark.parametrize(
    ("address", "here"),
    [
        ("/portal/", "Portal"),
        ("/m2s/", "m2s"),
        ("/settings/", "Settings"),
        ("/settings/administration/users/", "Settings"),
        ("/settings/administration/companies/", "Settings"),
    ],
)
def test_the_switcher_says_which_app_one_is_in(administrator, address, here):
    page = read(administrator.client.get(address))
    menu = next(found for found in page.all("div") if found.attrs.get("id") == "apps")

    assert page.button(f"{here}, change app")
    assert [link.words.split()[0] for link in menu.all("a") if "aria-current" in link.attrs] == [here]


def test_outside_of_every_app_one_is_in_the_first_one_may_open(administrator, inside):
    assert read(administrator.client.get("/user-settings/")).button("Settings, change app")
    assert read(inside.client.get("/user-settings/")).button("Portal, change app")


def test_an_address_that_is_none_still_has_its_frame(inside):
    page = read(inside.client.get("/nowhere/"), 404)

    assert page.button("Portal, change app")
    assert page.button("User menu")


def test_a_stranger_sees_no_apps(client):
    page = read(client.get("/login/"))

    assert page.all("nav") == []
    assert "m2v 5.5" in page.words


def test_the_version_is_that_of_the_release():
    assert __version__ == "5.5.0"


def test_the_user_menu_says_who_one_is(inside):
    page = read(inside.client.get("/portal/"))
    menu = next(found for found in page.all("div") if found.attrs.get("id") == "user-menu")

    assert "Kim Hansen kim Acme Machines" in menu.words
    assert menu.button("Sign out")


def test_signing_out_works_from_every_page(inside):
    page = read(inside.client.get("/m2s/"))
    form = page.button("Sign out").parent
    assert (form.attrs["method"], form.attrs["action"]) == ("post", "/logout/")

    inside.client.post("/logout/")
    assert not inside.is_in


# --- Your sign-in security ---


@pytest.mark.parametrize("app", APPS)
def test_with_a_password_only_the_card_says_what_is_missing(inside, app):
    assert "Your password is all it takes to get in." in card(inside, app).words
    assert facts(inside, app) == {
        "Two-factor authentication": "Two-factor authentication Off Not switched on for you",
        "Passkeys": "Passkeys None Face, fingerprint or screen lock instead of a password",
    }
    assert card(inside, app).links["Two-factor authentication"] == f"{OWN}?from={app.strip('/')}"


@pytest.mark.parametrize("app", APPS)
def test_with_an_app_the_card_says_since_when_and_how_many_codes_are_left(kim, app):
    kim.set_up_app()
    kim.sign_in()

    assert "Well protected: a stolen password is not enough to get in." in card(kim, app).words
    shown = facts(kim, app)
    assert shown["Two-factor authentication"].startswith(
        "Two-factor authentication Set up Authenticator app since today, last used today, "
    )
    assert shown["Two-factor authentication"].endswith("10 of 10 recovery codes left")
    assert shown["Recovery codes"] == "Recovery codes 10 of 10 left"


def test_when_few_codes_are_left_the_card_asks_for_new_ones(kim):
    kim.set_up_app()
    kim.sign_in()
    used = list(RecoveryCode.objects.values_list("pk", flat=True)[:8])
    RecoveryCode.objects.filter(pk__in=used).update(used_at=datetime.now(UTC))

    assert facts(kim)["Recovery codes"] == "Recovery codes Make new ones 2 of 10 left"


def test_with_a_passkey_alone_the_card_says_what_is_still_open(kim):
    kim.add_passkey()
    kim.use_passkey()

    assert "your password alone is still enough to get in" in card(kim).words
    assert [it.attrs["class"] for it in card(kim).all("div") if "verdict" in it.attrs.get("class", "")] == [
        "verdict wait"
    ]
    assert facts(kim)["Passkeys"] == f"Passkeys 1 passkey {Passkey.objects.get().name}"


def test_several_passkeys_are_named(kim):
    names = [kim.add_passkey().name, kim.add_passkey().name]
    kim.use_passkey()

    assert facts(kim)["Passkeys"] == f"Passkeys 2 passkeys {names[0]} , {names[1]}".replace(" ,", ",")


def test_a_passkey_taken_out_of_use_protects_nobody(kim):
    kim.add_passkey()
    kim.sign_in()
    services.suspend_passkey(Passkey.objects.get(), "test")

    assert "Your password is all it takes to get in." in card(kim).words


def test_a_request_is_shown(inside, admin):
    services.request_passkey(inside.user, actor=admin)

    assert facts(inside)["Passkeys"].startswith("Passkeys Requested ")


def test_somebody_switched_on_in_an_open_session_sees_who_did_it(inside, admin):
    services.enable_two_factor(inside.user, actor=admin)

    assert facts(inside)["Two-factor authentication"] == (
        "Two-factor authentication Asked at next login Switched on by Petra Vogt today"
    )


def test_a_companys_rule_is_shown(inside, company):
    Company.objects.filter(pk=company.pk).update(
        two_factor_enabled=True, two_factor_changed_at=datetime(2026, 5, 3, 12, tzinfo=UTC)
    )

    assert facts(inside)["Two-factor authentication"] == (
        "Two-factor authentication Asked at next login Required by Acme Machines since 3 May 2026"
    )


def test_the_card_is_about_oneself_only(inside, make_person):
    other = make_person("other")
    other.set_up_app()
    other.add_passkey()
    other.sign_in()

    assert "Your password is all it takes to get in." in card(inside).words
    assert len(sign_ins(inside)) == 1


# --- Recent sign-ins ---


def test_the_last_sign_ins_are_listed_with_method_and_browser(kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.enter_password("wrong")
    kim.sign_in()
    kim.client = browser()
    kim.use_passkey()

    assert sign_ins(kim) == [
        "Chrome on Linux, with a passkey",
        "Chrome on Linux, with a password and a code",
        "Chrome on Linux, refused: a password not right",
    ]


def test_no_more_than_five_are_listed(kim):
    for _ in range(7):
        kim.sign_in()

    assert len(sign_ins(kim)) == 5


def test_a_session_from_elsewhere_has_no_sign_in_on_record(kim):
    kim.client.force_login(kim.user)
    kim.client.get("/portal/")
    forget()

    assert sign_ins(kim) == ["No sign-in is on record yet."]


def test_a_day_later_the_sign_in_was_yesterday(kim):
    with time_machine.travel(datetime.now(UTC) - timedelta(days=1)):
        kim.sign_in()
    kim.sign_in()

    times = [item.one("time").words for item in read(kim.client.get("/m2s/")).all("li") if item.all("time")]
    assert [time.split(",")[0] for time in times] == ["Today", "Yesterday"]


# --- The m2s app ---


def test_the_m2s_app_offers_a_passkey_to_whoever_has_none(inside):
    page = read(inside.client.get("/m2s/"))

    assert "Hello Kim" in page.words
    assert page.links["Create a passkey"] == "/user-settings/mfa/passkeys/new/?from=m2s"
    assert page.links["Open the portal"] == "/portal/"


def test_the_m2s_app_does_not_offer_a_passkey_to_whoever_has_one(kim):
    kim.add_passkey()
    kim.sign_in()

    assert "Create a passkey" not in read(kim.client.get("/m2s/")).links


def test_not_now_puts_the_passkeys_card_away_until_the_next_login(inside):
    after = press(inside.client, inside.client.get("/m2s/"), "Not now")
    assert "Create a passkey" not in read(after).links
    assert "Create a passkey" not in read(inside.client.get("/m2s/")).links

    inside.client.post("/logout/")
    inside.sign_in()
    assert "Create a passkey" in read(inside.client.get("/m2s/")).links


@pytest.mark.parametrize("app", APPS)
def test_ones_own_window_closes_to_the_page_that_it_was_opened_from(inside, app):
    window = card(inside, app).links["Two-factor authentication"]
    shown = read(inside.client.get(window))

    assert shown.dialog.attrs["data-close"] == app
    assert "Your sign-in security" in shown.words, "which is behind it"
    on = read(inside.client.get(f"{OWN}two-factor/on/?from={app.strip('/')}"))
    assert on.dialog.attrs["data-close"] == window


@pytest.mark.parametrize("query", ["", "?from=elsewhere", "?from=//evil.example/"])
def test_opened_from_anywhere_else_it_closes_to_user_settings(inside, query):
    assert read(inside.client.get(OWN + query)).dialog.attrs["data-close"] == "/user-settings/"


def test_a_sign_in_from_a_phone_has_the_picture_of_a_phone(inside):
    phone = browser()
    phone.defaults["HTTP_USER_AGENT"] = (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 Version/19.0 Mobile/15E148 Safari/604.1"
    )
    phone.post("/login/", {"username": "kim", "password": PASSWORD})

    for app in APPS:
        recent = read(inside.client.get(app)).one("section", **{"aria-labelledby": "recent"})
        drawn = {
            item.all("p")[0].words.partition(",")[0]: item.one("svg").one("path").attrs["d"]
            for item in recent.all("li")
        }
        assert drawn["Safari on iPhone"] == drawing("device-phone-mobile")
        assert drawn["Chrome on Linux"] == drawing("computer-desktop")


def drawing(icon):
    return re.search(r' d="([^"]+)"', heroicon_outline(icon))[1]


# --- User settings ---


def test_user_settings_say_since_when_the_password_is_and_what_protects_the_account(kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.sign_in()
    before = read(kim.client.get("/user-settings/")).one("section", **{"aria-labelledby": "security"}).words
    assert (
        "Multi-factor authentication Set up Authenticator app since today, 1 passkey, 10 of 10 recovery codes left"
        in before
    )
    assert "Password Change it, and end your sessions everywhere else" in before

    people.change_password(kim.user, "four other words in line", actor=kim.user)
    kim.use_passkey()
    after = read(kim.client.get("/user-settings/")).one("section", **{"aria-labelledby": "security"}).words
    assert "Password Changed today, " in after


def test_user_settings_say_that_nothing_is_set_up(inside):
    shown = read(inside.client.get("/user-settings/")).one("section", **{"aria-labelledby": "security"}).words

    assert "Multi-factor authentication Off Authenticator app, recovery codes and passkeys" in shown


# --- An address without passkeys ---


def test_pages_say_where_browsers_allow_no_passkeys(inside, settings):
    said = "Browsers allow no passkeys at this address."
    pages = ("/login/", OWN, f"{OWN}passkeys/new/")
    clients = {"/login/": browser()}
    for page in pages:
        assert said not in read(clients.get(page, inside.client).get(page)).words

    settings.PASSKEYS_REFUSED = "BASE_URL names a network address."
    for page in pages:
        shown = read(clients.get(page, inside.client).get(page))
        assert said in shown.words, page
        for button in shown.all("button"):
            assert "data-passkey-button" not in button.attrs or "disabled" in button.attrs


def test_somebody_without_a_company_gets_home_pages_too(administrator):
    for app in APPS:
        assert "Your sign-in security" in read(administrator.client.get(app)).words


@pytest.mark.parametrize("app", APPS)
def test_a_home_page_costs_the_same_however_much_somebody_has(kim, app):
    def statements(person):
        with CaptureQueriesContext(connection) as made:
            read(person.client.get(app))
        return len(made)

    kim.sign_in()
    few = statements(kim)
    for _ in range(5):
        kim.add_passkey()
        kim.sign_in()
    kim.set_up_app()
    rich = Person(kim.user, app_key=kim.app_key)
    rich.sign_in()

    assert statements(rich) <= few + 2  # how many recovery codes are left, and who switched it on
    assert few <= 6  # session, person, app, passkeys, request, sign-ins


def test_ones_own_settings_keep_the_navigation_of_the_settings_app(administrator, kim):
    kim.sign_in()

    for path in ("/user-settings/", "/user-settings/password/", "/user-settings/mfa/"):
        assert b'aria-label="Settings"' in administrator.client.get(path).content
        assert b'aria-label="Settings"' not in kim.client.get(path).content
