"""Ways around MFA: the login and its factors. Each is tried as its row says, and must end before the door."""

from __future__ import annotations

import json

import pytest
from django.conf import settings
from django.test import Client

from companies import services as companies
from mfa import services
from mfa.models import AuthenticatorApp
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.addresses import confirm_address
from tests.mfa.pages import (
    CHALLENGE,
    CREATE,
    NEW_CODES,
    OWN,
    OWN_SETUP,
    SETUP,
    confirm_setup,
    make_new_codes,
    open_setup,
    refusals_of,
    window_of,
)
from tests.people import AGENT, PASSWORD, Person
from tests.scenes import (
    AUTHENTICATION,
    PASSWORD_PAGE,
    REGISTRATION,
    choose_by_invitation,
    is_shut,
    paths_about,
    things,
)

CONFIRM = "/confirm/"
QUARTER = 15 * 60 + 1


# --- Past the step ---


@pytest.mark.row("ASVS-6.3.3", "B-01")
@pytest.mark.parametrize("step", HALF_WAY)
def test_no_address_opens_past_the_step(step, kim, admin):
    go_half_way(kim, step, admin)
    before, here = things(), f"http://localhost:8000{HALF_WAY[step]}"

    for page, path in paths_about(kim.user).items():
        for method, referer in (("GET", ""), ("GET", here), ("POST", ""), ("POST", here), ("PUT", ""), ("DELETE", "")):
            answer = kim.client.generic(method, path, HTTP_REFERER=referer)
            assert answer.status_code == 302, (page.name, method)
            assert answer.headers["Location"].startswith("/login/"), (page.name, method)

    assert things() == before
    assert is_shut(kim)


@pytest.mark.row("B-02")
def test_a_wrong_code_leaves_the_server_where_it_was(half_way):
    assert half_way.enter_code("000000").status_code == 400

    assert half_way.json(AUTHENTICATION, {"ok": True, "next": "/portal/", "verified": True}).status_code == 400
    assert is_shut(half_way)
    assert half_way.asked_for == CHALLENGE


@pytest.mark.row("ASVS-2.3.1", "B-03")
def test_the_second_step_is_for_whoever_took_the_first(half_way, ada):
    ada.set_up_app()
    ada.add_passkey()
    others = {
        name: str(ada.user.pk)
        for name in ("user", "user_id", "claimant", "device", "device_id", "app", "_auth_user_id", "otp_device_id")
    } | {"username": "ada"}

    assert half_way.client.post(CHALLENGE, {"code": ada.code()} | others).status_code == 400
    half_way.authenticator = ada.authenticator
    options = half_way.json(f"{AUTHENTICATION}options/", others).json()
    answer = ada.authenticator.get(options, used=ada.authenticator.credentials[0])
    assert half_way.json(AUTHENTICATION, {"credential": answer} | others).status_code == 400
    assert is_shut(half_way)

    half_way.client.post(CHALLENGE, {"code": half_way.code()} | others)
    assert half_way.client.session["_auth_user_id"] == str(half_way.user.pk)
    assert not ada.user.sessions.exists()


@pytest.mark.row("B-04")
def test_of_two_first_steps_the_later_counts(half_way, ada):
    ada.set_up_app()
    ada.client = half_way.client
    ada.enter_password()

    assert half_way.enter_code().status_code == 400
    assert is_shut(half_way)
    assert ada.enter_code().headers["Location"] == "/"
    assert half_way.client.session["_auth_user_id"] == str(ada.user.pk)
    assert not half_way.user.sessions.exists()


# --- Codes ---


@pytest.mark.row("CS-AUTH-5", "B-08")
@pytest.mark.parametrize("first", ["right", "wrong"])
def test_many_guesses_in_one_request_are_one(first, half_way):
    right = half_way.code()
    guesses = [right, "000000"] if first == "right" else [f"{number:06}" for number in range(50)]

    assert half_way.client.post(CHALLENGE, {"code": guesses}).status_code == 400
    assert refusals_of(half_way.user) == ["WrongCode"]
    assert half_way.client.post(CHALLENGE, {"code": json.dumps(guesses)}).status_code == 400
    assert half_way.client.post(f"{CHALLENGE}?code={right}", {"code": "000000"}).status_code == 400
    assert is_shut(half_way)
    assert half_way.enter_code(right).headers["Location"] == "/"


@pytest.mark.row("ASVS-6.5.1", "N-3.1.4.2-once", "N-2.2.2-replay", "B-09")
def test_a_code_counts_once_at_every_door(clock, kim_with_app):
    kim, elsewhere = kim_with_app, Person(kim_with_app.user, app_key=kim_with_app.app_key)
    kim.sign_in()

    elsewhere.enter_password()
    assert elsewhere.enter_code().status_code == 400, "the code of another login"
    assert kim.client.post(CONFIRM, {"code": kim.code()}).status_code == 400, "to confirm who one is"
    clock.shift(30)
    assert kim.client.post(CONFIRM, {"code": kim.code()}).status_code == 302
    assert elsewhere.enter_code().status_code == 400, "the code that confirmed"
    clock.shift(30)
    page = open_setup(kim, OWN_SETUP)
    assert confirm_setup(kim, page, OWN_SETUP).status_code == 302
    elsewhere.app_key = page.key
    assert elsewhere.enter_code().status_code == 400, "the code that set it up"
    assert is_shut(elsewhere)


@pytest.mark.row("B-12")
@pytest.mark.parametrize("body", [None, True, [], {}, 0, "", {"code": True}, {"code": None}, {"code": []}])
def test_odd_json_stays_on_the_same_step(body, half_way):
    for path in (CHALLENGE, AUTHENTICATION):
        answer = half_way.client.generic("POST", path, json.dumps(body), "application/json")
        assert answer.status_code == 400, path
    assert is_shut(half_way)


# --- Other ways in ---


@pytest.mark.row("B-15")
def test_no_other_way_in_skips_a_step(kim_with_app, ada, admin, company):
    kim = kim_with_app
    kim.client.force_login(kim.user)
    assert kim.asked_for == CHALLENGE, "whoever calls Django's login()"

    kim.enter_password()
    kim.enter_code()
    kim.client.post("/user-settings/", {"email": "new@acme.example", "language": ""})
    assert confirm_address(kim.user).status_code == 302
    again = Person(kim.user)
    again.client.post("/login/", {"username": "new@acme.example", "password": PASSWORD})
    assert again.asked_for == CHALLENGE, "under a new address"

    companies.enable_company_two_factor(company, actor=admin)
    chosen = choose_by_invitation(ada, admin, "a path of four words")
    assert chosen.headers["Location"] == "/login/"
    assert is_shut(ada), "an invitation signs nobody in"
    ada.enter_password("a path of four words")
    assert ada.asked_for == SETUP


@pytest.mark.row("N-5.1-remember", "B-16")
def test_no_cookie_but_the_session_counts(kim_with_app):
    kim = kim_with_app
    kim.sign_in()
    del kim.client.cookies[settings.SESSION_COOKIE_NAME]
    for name in ("remember", "trusted_device", "remember-cookie", "otp_trusted", "mfa"):
        kim.client.cookies[name] = str(kim.user.pk)
    assert is_shut(kim)
    kim.enter_password()
    assert kim.asked_for == CHALLENGE


@pytest.mark.row("B-17")
@pytest.mark.parametrize("step", HALF_WAY)
def test_every_script_address_is_behind_the_same_gate(step, kim, admin):
    go_half_way(kim, step, admin)

    for page, path in paths_about(kim.user).items():
        for headers in ({"HTTP_ACCEPT": "application/json"}, {"HTTP_HX_REQUEST": "true"}):
            for method in ("GET", "POST"):
                answer = kim.client.generic(method, path, **headers)
                assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_required"), page.name
    for path in ("/api/", "/admin/", "/graphql", "/healthz", "/__debug__/", "/ws/", "/metrics"):
        assert kim.client.get(path).status_code == 404


# --- Other sites ---


@pytest.mark.row("B-19")
def test_another_sites_form_changes_nothing(administrator, kim):
    kim.set_up_app()
    kim.add_passkey()
    services.request_passkey(kim.user, actor=administrator.user)
    victim = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000", HTTP_USER_AGENT=AGENT)
    victim.cookies = administrator.client.cookies
    before = things()

    for page, path in paths_about(kim.user).items():
        sent = victim.post(path, {"sign_out": "on"}, HTTP_ORIGIN="https://evil.example")
        assert sent.status_code == 403, page.name
        if page.methods == {"POST"}:
            assert victim.get(path).status_code == 405, page.name
    assert victim.post(f"{REGISTRATION}options/", {}, content_type="application/json").status_code == 403

    assert things() == before


# --- Sessions of before ---


@pytest.mark.row("B-21", "B-22")
def test_old_sessions_end_with_sign_out_now(kim, administrator):
    elsewhere = Person(kim.user)
    for person in (kim, elsewhere):
        person.sign_in()
        assert person.is_in

    administrator.client.post(f"{window_of(kim.user)}two-factor/on/", {"sign_out": "on"})

    for person in (kim, elsewhere):
        assert is_shut(person)
        person.enter_password()
        assert person.asked_for == SETUP


@pytest.mark.row("B-22")
@pytest.mark.parametrize("rule", ["own switch", "company"])
def test_a_new_rule_meets_half_way_logins_at_once(rule, kim, admin, company):
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    assert kim.asked_for == CREATE

    if rule == "company":
        companies.enable_company_two_factor(company, actor=admin)
    else:
        services.enable_two_factor(kim.user, actor=admin)

    kim.client.post(CREATE, {"later": "yes"})
    assert is_shut(kim)
    assert kim.asked_for == SETUP


# --- Factors ---


@pytest.mark.row("B-24")
def test_off_wants_the_factor_itself(clock, kim_with_app, company, admin):
    kim = kim_with_app
    kim.sign_in()
    clock.shift(QUARTER)

    answer = kim.client.post(f"{OWN}two-factor/off/")
    assert answer.headers["Location"].startswith(CONFIRM)
    assert kim.client.post(CONFIRM, {"password": PASSWORD}).status_code == 400
    assert kim.client.post(f"{OWN}two-factor/off/").headers["Location"].startswith(CONFIRM)
    assert AuthenticatorApp.objects.count() == 1

    companies.enable_company_two_factor(company, actor=admin)
    kim.client.post(CONFIRM, {"code": kim.code()})
    kim.client.post(f"{OWN}two-factor/off/")
    assert AuthenticatorApp.objects.count() == 1, "the last factor under a company's rule stays"


@pytest.mark.row("B-24")
@pytest.mark.parametrize("factor", ["app", "passkey"])
def test_a_fresh_password_of_before_the_factor_confirms_nothing(factor, kim):
    """Kim signed in a moment ago, and set the factor up at another browser since."""
    kim.sign_in()
    (kim.set_up_app if factor == "app" else kim.add_passkey)()
    before = things()

    for path in (f"{OWN}two-factor/off/", OWN_SETUP, NEW_CODES, PASSWORD_PAGE):
        assert kim.client.post(path, {"sign_out": "on"}).headers["Location"].startswith(CONFIRM), path
    assert kim.json(f"{REGISTRATION}options/", {}).status_code == 403
    assert things() == before
    assert kim.is_in


@pytest.mark.row("B-25")
@pytest.mark.parametrize("step", HALF_WAY)
def test_half_way_nothing_is_set_up_or_removed(step, kim, admin):
    go_half_way(kim, step, admin)
    before = things()

    for path in (f"{OWN}two-factor/off/", OWN_SETUP, NEW_CODES, f"{OWN}passkeys/request/delete/", PASSWORD_PAGE):
        assert kim.client.post(path, {"sign_out": "on", "code": "123456"}).status_code == 302
    if step.startswith("challenge"):
        assert kim.client.get(SETUP).headers["Location"] == CHALLENGE
        assert kim.json(f"{REGISTRATION}options/", {}).status_code == 403

    assert things() == before
    assert is_shut(kim)


@pytest.mark.row("N-4.2.2.2", "B-29")
def test_a_recovery_code_alone_opens_nothing(kim_with_app, admin, company):
    kim = kim_with_app
    code = kim.codes[0]

    assert kim.client.post(CHALLENGE, {"code": code}).status_code == 302
    assert is_shut(kim)
    assert kim.enter_password(code).status_code == 400
    assert is_shut(kim)

    companies.enable_company_two_factor(company, actor=admin)
    services.disable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    assert is_shut(kim)
    assert kim.asked_for == SETUP, "an administrator's help ends before the set-up"


@pytest.mark.row("B-30")
def test_recovery_codes_used_replaced_and_foreign_are_refused(kim_with_app, ada):
    kim = kim_with_app
    ada.set_up_app()
    used, replaced = kim.codes[:2]
    kim.enter_password()
    kim.enter_code(used)
    make_new_codes(kim)
    kim.client.post("/logout/")
    kim.enter_password()

    for code in (used, replaced, ada.codes[0]):
        assert kim.enter_code(code).status_code == 400
    assert is_shut(kim)
