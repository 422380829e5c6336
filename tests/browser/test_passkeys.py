"""Passkeys in a real browser: a virtual authenticator answers, the site verifies."""

from __future__ import annotations

from base64 import b64decode, urlsafe_b64encode
from contextlib import suppress
from threading import Event
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Error, expect

from m2v import views
from mfa import services
from mfa.methods import passkeys
from tests.browser.catalogue import NO_PASSKEYS
from tests.browser.conftest import SECONDS
from tests.browser.pages import Desk

if TYPE_CHECKING:
    from playwright.sync_api import Route

CANCELLED = "It was cancelled, or took too long. Try again."
REGISTERED = "This device has a passkey for you already. Choose another device or password manager."
UNKNOWN = "This passkey is not known here (any more). Use another way to sign in."
NEW = "/user-settings/mfa/passkeys/new/"


@pytest.fixture
def kim_at(kim, at) -> Desk:
    """Kim, signed in on the portal."""
    desk = at(kim)
    desk.arrive("/portal/")
    return desk


@pytest.fixture
def laptop(kim_at):
    """In it, a passkey of Kim's; nobody touches it until told to, and Kim is signed out."""
    laptop = kim_at.device()
    kim_at.open(NEW)
    kim_at.button("Create a passkey").click()
    expect(kim_at.window).to_be_visible()
    laptop.hold()
    kim_at.page.keyboard.press("Escape")
    kim_at.is_on("/user-settings/")
    kim_at.sign_out()
    return laptop


@pytest.fixture
def button_only(kim_at, laptop) -> None:
    """A login page whose autofill asks nothing: the first question that a touch answers is the button's."""
    kim_at.page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    kim_at.open("/login/")


def passkey_of(kim):
    return kim.user.passkeys.get()


def ids_on(laptop) -> set[bytes]:
    return {b64decode(passkey["credentialId"]) for passkey in laptop.passkeys}


def gone_from(laptop, page) -> None:
    """The browser was told, and has forgotten it."""
    for _try in range(150):
        if not laptop.passkeys:
            return
        page.wait_for_timeout(100)
    pytest.fail(f"The browser still offers {laptop.passkeys}.")


# --- Creating one ---


def test_a_requested_passkey_is_created_at_login_and_the_request_is_met(kim, admin, at):
    services.request_passkey(kim.user, actor=admin)
    desk = at(kim)
    laptop = desk.device(defaultBackupEligibility=True, defaultBackupState=True)
    desk.sign_in()
    desk.is_on("/login/setup/passkey/")
    desk.sees("Petra Vogt asks you to create one.")
    desk.button("Create a passkey").click()
    desk.is_on("/portal/")
    desk.sees("Your passkey “Chrome on Linux” is ready. Next time, sign in with it.")

    made = passkey_of(kim)
    assert ids_on(laptop) == {bytes(made.credential_id)}
    assert made.backed_up
    assert laptop.passkeys[0]["isResidentCredential"]
    assert laptop.passkeys[0]["userName"] == "kim"
    assert laptop.passkeys[0]["userDisplayName"] == "Kim Hansen"
    assert b64decode(laptop.passkeys[0]["userHandle"]) == kim.user.pk.bytes
    laptop.hold()
    desk.sign_out()
    desk.sign_in()
    desk.is_on("/portal/")


def test_a_passkey_is_created_from_ones_own_window(kim, kim_at):
    laptop = kim_at.device()
    kim_at.open_own_window()
    kim_at.sees("You have no passkey yet.")
    kim_at.button("Create a passkey").click()
    kim_at.button("Create a passkey").click()
    expect(kim_at.window).to_be_visible()
    listed = kim_at.window.get_by_role("list", name="Passkeys of Kim Hansen").get_by_role("listitem")
    expect(listed).to_contain_text(["Chrome on Linux"])
    expect(listed).to_contain_text(["On this device only"])
    expect(listed).to_contain_text(["Not used yet"])
    assert ids_on(laptop) == {bytes(passkey_of(kim).credential_id)}


def test_not_now_leads_back_to_the_window(kim_at):
    kim_at.open_own_window()
    kim_at.button("Create a passkey").click()
    kim_at.link("Not now").click()
    expect(kim_at.window).to_be_visible()


def test_a_device_with_a_passkey_of_the_same_person_says_so(kim, kim_at):
    kim_at.device()
    kim_at.open(NEW)
    kim_at.button("Create a passkey").click()
    expect(kim_at.window).to_be_visible()
    kim_at.open(NEW)
    expect(kim_at.heading("Confirm that it is you")).to_be_visible()
    kim_at.button("Use your passkey").click()
    kim_at.button("Create a passkey").click()
    kim_at.sees(REGISTERED)
    assert kim.user.passkeys.count() == 1


@pytest.mark.parametrize("step", ["own", "login"])
def test_cancelled_or_timed_out_it_says_so_and_one_click_tries_again(step, kim, admin, at):
    desk = at(kim)
    if step == "login":
        services.request_passkey(kim.user, actor=admin)
        desk.sign_in()
    else:
        desk.arrive(NEW)
    laptop = desk.device(isUserVerified=False)
    desk.button("Create a passkey").click()
    desk.sees(CANCELLED)
    expect(desk.button("Create a passkey")).to_be_focused()
    assert not kim.user.passkeys.exists()

    laptop.recognises(True)
    desk.page.keyboard.press("Enter")
    desk.is_on("/portal/" if step == "login" else "/user-settings/mfa/")
    assert kim.user.passkeys.count() == 1


def test_without_a_connection_it_says_so(kim_at, troubles):
    kim_at.device()
    kim_at.open(NEW)
    kim_at.page.context.set_offline(True)
    kim_at.button("Create a passkey").click()
    kim_at.sees("m2v cannot be reached. Check your connection, then try again.")
    kim_at.page.context.set_offline(False)
    kim_at.button("Create a passkey").click()
    expect(kim_at.window).to_be_visible()
    while any("ERR_INTERNET_DISCONNECTED" in each for each in troubles):
        troubles.remove(next(each for each in troubles if "ERR_INTERNET_DISCONNECTED" in each))


# --- Signing in with one ---


@pytest.mark.usefixtures("button_only")
def test_the_button_signs_in_without_a_password_or_a_code(kim, kim_at, laptop):
    kim.set_up_app()
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    kim_at.is_on("/portal/")
    kim_at.sees("Chrome on Linux, with a passkey")
    assert passkey_of(kim).last_used_at


def test_the_browsers_autofill_signs_in(kim, kim_at, laptop):
    """The device answers at once: the page may lead on before it has finished loading."""
    laptop.touch()
    with suppress(Error):  # it did, before it was told that it is there
        kim_at.page.goto("/login/?next=/m2s/", wait_until="commit")
    kim_at.is_on("/m2s/")


def test_while_autofill_waits_the_password_still_works(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.is_on("/portal/")


def test_of_two_login_pages_the_earlier_one_signs_in_too(kim, kim_at, laptop):
    """The later one has asked by the time that the earlier one's question is answered."""
    held: list[Route] = []
    kim_at.page.route("**/passkeys/authentication/options/", lambda route: held.append(route))
    kim_at.open("/login/")
    while not held:
        kim_at.page.wait_for_timeout(50)
    question = held[0].fetch()
    other = Desk(kim_at.page.context.new_page(), kim)
    with other.page.expect_response("**/passkeys/authentication/options/"):
        other.open("/login/")
    laptop.touch()
    held[0].fulfill(response=question)
    kim_at.is_on("/portal/")


def test_a_late_question_of_autofill_throws_out_nobody_who_signed_in(kim, kim_at, laptop, monkeypatch):
    """On a slow network its answer comes after the login's own, and with it an older session's cookie."""
    asked, signed_in, answered = Event(), Event(), Event()

    def late(*args):
        asked.set()
        assert signed_in.wait(SECONDS)
        return start(*args)

    def portal(request, app):
        signed_in.set()
        answered.wait(1)  # whoever is not asked any more is not answered
        return security(request, app)

    start, security = passkeys.start_authentication, views.security
    monkeypatch.setattr(passkeys, "start_authentication", late)
    monkeypatch.setattr(views, "security", portal)
    kim_at.page.context.on("response", lambda answer: answer.url.endswith("/options/") and answered.set())
    kim_at.open("/login/")
    assert asked.wait(SECONDS)
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim_at.open("/portal/")
    kim_at.is_on("/portal/")


def test_a_passkey_answers_in_place_of_the_code(kim, kim_at, laptop):
    kim.set_up_app()
    kim_at.enter_password()
    kim_at.is_on("/login/challenge/")
    laptop.touch()
    kim_at.button("Use a passkey instead").click()
    kim_at.is_on("/portal/")
    kim_at.sees("Chrome on Linux, with a password and a passkey")


@pytest.mark.usefixtures("button_only")
def test_a_passkey_sign_in_still_sets_up_what_is_required(kim, admin, kim_at, laptop):
    services.enable_two_factor(kim.user, actor=admin)
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    kim_at.is_on("/login/setup/two-factor/")
    kim_at.set_up_app()
    kim_at.save_codes()
    kim_at.is_on("/portal/")


def test_a_password_alone_chooses_no_second_factor_where_there_is_a_passkey(kim, admin, kim_at, laptop):
    services.enable_two_factor(kim.user, actor=admin)
    kim_at.enter_password()
    expect(kim_at.heading("Use your passkey")).to_be_visible()
    kim_at.open("/login/setup/two-factor/")
    kim_at.is_on("/login/challenge/")
    laptop.touch()
    kim_at.button("Use your passkey").click()
    kim_at.is_on("/login/setup/two-factor/")


def test_another_passkey_is_added_at_login_after_the_first_has_been_used(kim, admin, kim_at, laptop):
    services.request_passkey(kim.user, actor=admin)
    kim_at.enter_password()
    kim_at.sees("You have a passkey already. Use it once, so that nobody else can add one.")
    laptop.touch()
    kim_at.button("Use your passkey").click()
    expect(kim_at.button("Create a passkey")).to_be_visible()


@pytest.mark.parametrize("way", ["cancelled", "not touched"])
@pytest.mark.usefixtures("button_only")
def test_a_sign_in_that_is_cancelled_says_so_and_one_click_tries_again(way, kim, kim_at, laptop):
    if way == "cancelled":
        laptop.touch()
        laptop.recognises(False)
    else:  # as if the time were over at once
        kim_at.page.route("**/passkeys/authentication/options/", shorten)
    kim_at.button("Sign in with a passkey").click()
    kim_at.sees(CANCELLED)
    expect(kim_at.button("Sign in with a passkey")).to_be_focused()

    kim_at.page.unroute_all()
    laptop.touch()
    laptop.recognises(True)
    kim_at.page.keyboard.press("Enter")
    kim_at.is_on("/portal/")


def shorten(route) -> None:
    """The question as the site asks it, but good for half a second."""
    answer = route.fetch()
    route.fulfill(response=answer, json=answer.json() | {"timeout": 500})


def test_a_browser_without_a_passkey_of_the_site_says_so(kim, at):
    desk = at(kim)
    desk.device()
    desk.open("/login/")
    desk.button("Sign in with a passkey").click()
    desk.sees(CANCELLED)
    desk.enter_password()
    desk.is_on("/portal/")


def test_a_browser_without_passkeys_sees_why_and_what_else_works(kim, admin, at):
    services.request_passkey(kim.user, actor=admin)
    desk = at(kim)
    desk.page.add_init_script(NO_PASSKEYS)
    desk.open("/login/")
    expect(desk.button("Sign in with a passkey")).to_be_disabled()
    desk.sees("This browser has no passkeys. Use a current browser over a secure connection, or another way.")
    desk.enter_password()
    desk.is_on("/login/setup/passkey/")
    expect(desk.button("Create a passkey")).to_be_disabled()
    desk.sees("This browser has no passkeys.")
    desk.button("Not now").click()
    desk.is_on("/portal/")
    desk.open(NEW)
    desk.sees("This browser has no passkeys.")


@pytest.mark.usefixtures("button_only")
def test_an_older_browser_without_autofill_signs_in_by_the_button(kim, kim_at, laptop):
    laptop.touch()
    kim_at.open("/login/")
    kim_at.is_on("/login/")
    kim_at.button("Sign in with a passkey").click()
    kim_at.is_on("/portal/")


@pytest.mark.usefixtures("button_only")
def test_a_question_that_is_too_old_says_so(kim, kim_at, laptop):
    kim_at.page.route(
        "**/passkeys/authentication/", lambda route: (kim_at.page.context.clear_cookies(), route.continue_())
    )
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    expect(kim_at.page.get_by_role("alert").filter(visible=True)).to_be_visible()
    kim_at.is_on("/login/")


# --- Telling the browser ---


@pytest.mark.usefixtures("button_only")
def test_an_unknown_passkey_is_refused_in_words_and_forgotten_by_the_browser(kim, kim_at, laptop):
    services.delete_passkey(passkey_of(kim), actor=kim.user)
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    kim_at.sees(UNKNOWN)
    gone_from(laptop, kim_at.page)


def test_deleting_a_passkey_says_what_it_means_and_the_browser_forgets_it(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim_at.open_own_window()
    kim_at.button("Delete passkey Chrome on Linux").click()
    confirm_with_passkey(kim_at, laptop)
    expect(kim_at.dialog).to_contain_text("You can no longer sign in with it. This cannot be undone.")
    expect(kim_at.dialog).to_contain_text("You have no other method left")
    kim_at.confirm()
    kim_at.sees("The passkey “Chrome on Linux” is deleted.")
    kim_at.sees("You have no passkey yet.")
    gone_from(laptop, kim_at.page)


def confirm_with_passkey(desk, laptop) -> None:
    """The step between: nobody who has a passkey changes anything on the password alone."""
    expect(desk.heading("Confirm that it is you")).to_be_visible()
    laptop.touch()
    desk.button("Use your passkey").click()
    expect(desk.dialog).to_be_visible()


def test_the_owners_window_makes_the_browser_forget_what_an_administrator_deleted(kim, admin, kim_at, laptop):
    services.delete_passkey(passkey_of(kim), actor=admin)
    kim_at.enter_password()
    kim_at.open_own_window()
    gone_from(laptop, kim_at.page)


def test_a_new_name_of_the_owner_reaches_the_browser(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim.user.first_name = "Kimberly"
    kim.user.save()
    kim_at.open_own_window()
    for _try in range(150):
        if laptop.passkeys[0]["userDisplayName"] == "Kimberly Hansen":
            break
        kim_at.page.wait_for_timeout(100)
    assert laptop.passkeys[0]["userDisplayName"] == "Kimberly Hansen"


@pytest.mark.usefixtures("button_only")
def test_a_copied_passkey_is_taken_out_of_use_and_its_owner_sees_it(kim, kim_at, laptop):
    original = laptop.passkeys[0]
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    kim_at.is_on("/portal/")
    laptop.hold()
    kim_at.sign_out()
    laptop.cdp.send(
        "WebAuthn.removeCredential", {"authenticatorId": laptop.id, "credentialId": original["credentialId"]}
    )
    laptop.cdp.send("WebAuthn.addCredential", {"authenticatorId": laptop.id, "credential": original})
    laptop.touch()
    kim_at.button("Sign in with a passkey").click()
    kim_at.sees("This passkey may have been copied and was taken out of use.")
    kim_at.sees("Sign in another way, then delete it and create a new one.")
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim_at.open_own_window()
    kim_at.sees("Suspended")


# --- Names, and confirming with one ---


def test_a_passkey_is_renamed(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim_at.open_own_window()
    kim_at.link("Rename passkey Chrome on Linux").click()
    confirm_with_passkey(kim_at, laptop)
    expect(kim_at.field("Name")).to_be_focused()
    kim_at.field("Name").fill("Work laptop")
    kim_at.page.keyboard.press("Enter")
    kim_at.sees("The passkey is now called “Work laptop”.")
    expect(kim_at.button("Delete passkey Work laptop")).to_be_visible()


def test_before_a_change_a_passkey_confirms_who_one_is(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.is_on("/portal/")
    kim_at.open_own_window()
    kim_at.button("Request new passkey").click()
    confirm_with_passkey(kim_at, laptop)
    kim_at.sees("You will be asked to create a passkey at the next login.")


def test_the_passkeys_id_is_what_the_page_tells_the_browser(kim, kim_at, laptop):
    kim_at.enter_password()
    kim_at.open_own_window()
    told = kim_at.page.locator("[data-signals]").get_attribute("data-signals")
    assert urlsafe_b64encode(bytes(passkey_of(kim).credential_id)).decode().rstrip("=") in told
