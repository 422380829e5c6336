"""Passkeys of browsers that lack things and of managers that answer oddly: a sentence, a way on, nothing left behind."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from mfa import services
from tests.browser.test_passkeys import CANCELLED, NEW, REGISTERED, UNKNOWN, button_only, gone_from, kim_at, laptop

if TYPE_CHECKING:
    from tests.browser.pages import Desk

__all__ = ["button_only", "kim_at", "laptop"]  # fixtures

FAILED = "That did not work. Try again, or use another way."
OFFLINE = "m2v cannot be reached. Check your connection, then try again."
SIGN_IN = "Sign in with a passkey"
CREATE = "Create a passkey"

LACKING = {
    "no toJSON": "delete PublicKeyCredential.prototype.toJSON",
    "no creation parser": "delete PublicKeyCredential.parseCreationOptionsFromJSON",
    "no request parser": "delete PublicKeyCredential.parseRequestOptionsFromJSON",
    "none of them": """delete PublicKeyCredential.prototype.toJSON;
        delete PublicKeyCredential.parseCreationOptionsFromJSON;
        delete PublicKeyCredential.parseRequestOptionsFromJSON""",
    "toJSON throws": "PublicKeyCredential.prototype.toJSON = () => { throw new TypeError('Illegal invocation') }",
    "no transports": "delete AuthenticatorAttestationResponse.prototype.getTransports",
    "signals never settle": """for (const name of ["AllAcceptedCredentials", "CurrentUserDetails", "UnknownCredential"])
        PublicKeyCredential[`signal${name}`] = () => new Promise(() => {})""",
    "no signals": """for (const name of ["AllAcceptedCredentials", "CurrentUserDetails", "UnknownCredential"])
        delete PublicKeyCredential[`signal${name}`]""",
}
ODD = {
    "null": "async () => null",
    "undefined": "async () => undefined",
    "text": "async () => 'a passkey'",
    "an empty object": "async () => ({})",
    "empty parts": "async () => ({ id: 'x', rawId: null, response: {} })",
    "rejects with undefined": "() => Promise.reject()",
    "rejects with text": "() => Promise.reject('no')",
    "a type error": "() => Promise.reject(new TypeError('x is not a function'))",
    "throws": "() => { throw new TypeError('locked') }",
}


def answers(desk: Desk, method: str, how: str) -> None:
    """From the next question on, the manager answers so."""
    desk.page.evaluate(f"void (navigator.credentials.{method} = {how})")


def comes_to_itself(desk: Desk, method: str) -> None:
    desk.page.evaluate(f"delete navigator.credentials.{method}")


def becomes(desk: Desk, what: str, value: object) -> None:
    """The policy of the pages lets no text be run, so that Playwright's own waiting cannot be used."""
    for _try in range(150):
        if desk.page.evaluate(what) == value:
            return
        desk.page.wait_for_timeout(100)
    pytest.fail(f"{what} is {desk.page.evaluate(what)}.")


@pytest.mark.parametrize("script", LACKING.values(), ids=LACKING)
def test_a_passkey_is_created_and_signs_in_whatever_the_browser_lacks(script, kim, at):
    desk = at(kim)
    desk.page.add_init_script(script)
    desk.page.add_init_script("delete PublicKeyCredential.isConditionalMediationAvailable")
    desk.arrive(NEW)
    device = desk.device()
    desk.button(CREATE).click()
    expect(desk.window).to_be_visible()
    made = kim.user.passkeys.get()
    assert made.transports == ([] if "getTransports" in script else ["internal"])
    desk.open("/portal/")
    desk.sign_out()
    device.touch()
    desk.button(SIGN_IN).click()
    desk.is_on("/portal/")
    made.refresh_from_db()
    assert made.last_used_at


@pytest.mark.parametrize("how", ODD.values(), ids=ODD)
def test_a_manager_that_answers_oddly_when_one_is_made_gets_a_sentence_and_another_go(how, kim, kim_at):
    kim_at.device()
    kim_at.open(NEW)
    answers(kim_at, "create", how)
    kim_at.button(CREATE).click()
    kim_at.sees(FAILED)
    expect(kim_at.button(CREATE)).to_be_focused()
    comes_to_itself(kim_at, "create")
    kim_at.button(CREATE).click()
    expect(kim_at.window).to_be_visible()
    assert kim.user.passkeys.count() == 1


@pytest.mark.parametrize("how", ODD.values(), ids=ODD)
@pytest.mark.usefixtures("button_only")
def test_a_manager_that_answers_oddly_at_the_login_gets_a_sentence_and_another_go(how, kim_at, laptop):
    laptop.touch()
    answers(kim_at, "get", how)
    kim_at.button(SIGN_IN).click()
    kim_at.sees(FAILED)
    expect(kim_at.button(SIGN_IN)).to_be_focused()
    comes_to_itself(kim_at, "get")
    kim_at.button(SIGN_IN).click()
    kim_at.is_on("/portal/")


@pytest.mark.parametrize("how", [ODD["null"], ODD["rejects with undefined"]])
def test_a_manager_that_answers_autofill_oddly_is_asked_once_and_says_nothing(how, kim, at):
    desk = at(kim)
    desk.page.add_init_script(
        f"window.asked = 0; const odd = {how}; navigator.credentials.get = (...all) => (window.asked++, odd(...all))"
    )
    desk.open("/login/")
    becomes(desk, "window.asked", 1)
    desk.page.wait_for_timeout(2500)
    assert desk.page.evaluate("window.asked") == 1
    expect(desk.page.get_by_role("alert").filter(visible=True)).to_have_count(0)


@pytest.mark.parametrize(("method", "page", "label"), [("create", NEW, CREATE), ("get", "/login/", SIGN_IN)])
def test_a_manager_that_never_answers_is_not_waited_for_for_ever(method, page, label, kim, at):
    """Five minutes are short here: they are how long the question is good."""
    desk = at(kim)
    desk.page.add_init_script("""delete PublicKeyCredential.isConditionalMediationAvailable;
        const wait = window.setTimeout;
        window.setTimeout = (what, time, ...more) => wait(what, time > 250_000 ? 500 : time, ...more)""")
    desk.arrive(page) if method == "create" else desk.open(page)
    answers(desk, method, "() => new Promise((answer) => (window.late = answer))")
    desk.button(label).click()
    desk.sees(CANCELLED)
    expect(desk.button(label)).to_be_focused()
    if method == "create":
        desk.page.evaluate(
            "void (PublicKeyCredential.signalUnknownCredential = (it) => (window.told = it.credentialId))"
        )
        desk.page.evaluate("void late({ id: 'abc' })")
        becomes(desk, "window.told", "abc")


def test_what_the_server_refused_is_not_left_behind_in_the_manager(kim, kim_at):
    device = kim_at.device()
    kim_at.open(NEW)
    kim_at.page.route("**/passkeys/registration/", bend)
    kim_at.button(CREATE).click()
    kim_at.sees("This passkey could not be saved. Try again.")
    assert not kim.user.passkeys.exists()
    gone_from(device, kim_at.page)
    kim_at.page.unroute_all()
    kim_at.button(CREATE).click()
    expect(kim_at.window).to_be_visible()


def bend(route) -> None:
    """The answer arrives as one to another question."""
    body = json.loads(route.request.post_data)
    body["credential"]["response"]["clientDataJSON"] = "e30"
    route.continue_(post_data=json.dumps(body))


@pytest.mark.usefixtures("button_only")
def test_a_signal_that_never_settles_holds_up_no_sentence(kim, kim_at, laptop):
    kim_at.page.add_init_script("PublicKeyCredential.signalUnknownCredential = () => new Promise(() => {})")
    kim_at.open("/login/")
    services.delete_passkey(kim.user.passkeys.get(), actor=kim.user)
    laptop.touch()
    kim_at.button(SIGN_IN).click()
    kim_at.sees(UNKNOWN)
    expect(kim_at.button(SIGN_IN)).to_be_enabled()


@pytest.mark.parametrize(
    ("name", "words"), [("InvalidStateError", REGISTERED), ("NotAllowedError", CANCELLED), ("SecurityError", FAILED)]
)
def test_only_a_request_that_failed_says_that_the_site_cannot_be_reached(name, words, kim_at, troubles):
    kim_at.device()
    kim_at.open(NEW)
    answers(kim_at, "create", f"() => Promise.reject(new DOMException('x', '{name}'))")
    kim_at.button(CREATE).click()
    kim_at.sees(words)
    comes_to_itself(kim_at, "create")
    kim_at.page.route("**/passkeys/registration/options/", lambda route: route.abort())
    kim_at.button(CREATE).click()
    kim_at.sees(OFFLINE)
    kim_at.page.unroute_all()
    kim_at.page.route("**/passkeys/registration/options/", lambda route: route.fulfill(body="<p>A proxy’s page</p>"))
    kim_at.button(CREATE).click()
    kim_at.sees(FAILED)
    troubles[:] = [each for each in troubles if "ERR_FAILED" not in each]


def test_after_a_cancelled_dialog_autofill_is_asked_again(kim_at, laptop):
    kim_at.page.add_init_script(
        """window.asked = [];
        const get = navigator.credentials.get.bind(navigator.credentials);
        navigator.credentials.get = (options) => {
          window.asked.push(options.mediation);
          if (options.mediation !== "conditional") return Promise.reject(new DOMException("no", "NotAllowedError"));
          return get(options);
        }"""
    )
    kim_at.open("/login/")
    becomes(kim_at, "window.asked.length", 1)
    kim_at.button(SIGN_IN).click()
    kim_at.sees(CANCELLED)
    becomes(kim_at, "window.asked.length", 3)
    assert kim_at.page.evaluate("window.asked") == ["conditional", "optional", "conditional"]
