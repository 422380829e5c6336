"""Bugs published elsewhere: each as it was there, and what holds here."""

from __future__ import annotations

import re

import pytest
from django.conf import settings

from accounts.models import Session
from companies import services as companies
from mfa import services
from mfa.methods import totp
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import everything, pages
from tests.mfa.pages import (
    CHALLENGE,
    NEW_CODES,
    OWN,
    OWN_CODES,
    OWN_SETUP,
    SAVE,
    SETUP,
    codes_on,
    confirm_setup,
    open_setup,
    session_dump,
    window_of,
)
from tests.people import PASSWORD, browser
from tests.scenes import (
    REGISTRATION,
    choose_by_invitation,
    is_shut,
    paths_about,
    things,
)

# --- Adding and removing factors ---


@pytest.mark.row("N-4.1.2.1-aal", "V1")
@pytest.mark.parametrize("holds", ["app", "passkey", "both"])
def test_half_way_no_factor_is_added(holds, kim, admin):
    if holds != "passkey":
        kim.set_up_app()
    if holds != "app":
        kim.add_passkey()
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    before = things()

    for path in (SETUP, SAVE, "/login/setup/passkey/"):
        for answer in (kim.client.get(path), kim.client.post(path, {"code": "123456", "saved": "on"})):
            assert answer.headers["Location"] == CHALLENGE
    for path in (OWN_SETUP, NEW_CODES, f"{OWN}passkeys/new/"):
        assert kim.client.post(path).headers["Location"].startswith("/login/")
    for path in (f"{REGISTRATION}options/", REGISTRATION):
        assert kim.json(path, {"credential": {}}).status_code == 403

    assert things() == before
    assert is_shut(kim)


@pytest.mark.row("V4")
@pytest.mark.parametrize("step", HALF_WAY)
def test_the_session_holds_no_password(step, kim, admin):
    go_half_way(kim, step, admin)

    dump = session_dump(kim)

    assert PASSWORD not in dump
    assert kim.user.password not in dump
    rows = [Session.objects.get(pk=row.pk).get_decoded() for row in Session.objects.all()]
    assert PASSWORD not in str(rows)


# --- Codes again ---


@pytest.mark.row("V9")
@pytest.mark.parametrize("step", HALF_WAY)
def test_an_empty_post_stays_on_the_same_step(step, kim, admin):
    go_half_way(kim, step, admin)
    here, before = HALF_WAY[step], things()

    for sent in ({}, {"code": ""}, {"code": "null"}, {"saved": ""}, {"code": "[]"}, {"code": "true"}):
        assert kim.client.post(here, sent).status_code in {400, 403}, sent
    for body in ("", "null", "[]", "true", "{}"):
        answer = kim.client.generic("POST", here, body, "application/json")
        assert answer.status_code in {400, 403}, body

    assert things() == before
    assert is_shut(kim)
    assert kim.asked_for == here


# --- Other doors ---


@pytest.mark.row("CS-AUTH-4", "V10")
def test_every_door_ends_before_the_steps(kim_with_app, ada, admin, mailoutbox):
    kim = kim_with_app
    browser().post("/password-reset/", {"email": kim.user.email})
    link = re.search(r"http://localhost:8000(/password-reset/\S+/\S+/)", mailoutbox[-1].body)
    assert link
    form = kim.client.get(link[1]).headers["Location"]
    new = "words that were never here"
    assert kim.client.post(form, {"new_password1": new, "new_password2": new}).headers["Location"] == "/login/"
    assert is_shut(kim), "a reset signs nobody in"
    kim.enter_password(new)
    assert kim.asked_for == CHALLENGE

    services.enable_two_factor(ada.user, actor=admin)
    choose_by_invitation(ada, admin, new)
    assert is_shut(ada)
    ada.user.refresh_from_db()
    ada.client.force_login(ada.user)
    assert is_shut(ada)
    assert ada.asked_for == SETUP
    for path in ("/admin/", "/admin/login/", "/api/", "/accounts/login/", "/rest-auth/login/"):
        assert kim.client.get(path).status_code == 404


@pytest.mark.row("CS-MFA-2", "V11")
def test_there_are_no_api_tokens(half_way):
    for scheme in ("Token", "Bearer", "Basic", "ApiKey"):
        answer = half_way.client.get("/portal/", HTTP_AUTHORIZATION=f"{scheme} abc", HTTP_ACCEPT="application/json")
        assert answer.status_code == 401
    assert not [page for page in pages() if "token" in page.name or "api" in page.pattern]
    assert not [app for app in settings.INSTALLED_APPS if "rest" in app or "token" in app or "oauth" in app]


@pytest.mark.row("N-4.2.1-alt", "B-49", "V12")
def test_after_a_removal_the_companys_rule_asks_again(kim_with_app, administrator, company):
    kim = kim_with_app
    companies.enable_company_two_factor(company, actor=administrator.user)

    administrator.client.post(f"{window_of(kim.user)}two-factor/off/")

    assert not AuthenticatorApp.objects.exists()
    kim.enter_password()
    assert is_shut(kim)
    assert kim.asked_for == SETUP


@pytest.mark.row("N-5.1-remember", "V13")
def test_no_browser_is_remembered(kim_with_app):
    kim = kim_with_app
    kim.client.post("/login/", {"username": "kim", "password": PASSWORD, "remember": "on", "remember_me": "1"})
    kim.client.post(CHALLENGE, {"code": kim.codes[0], "remember": "on", "trust": "1"})
    assert kim.is_in
    kept = dict(kim.client.cookies)
    kim.client.post("/logout/")
    for name, cookie in kept.items():
        kim.client.cookies[name] = cookie.value

    assert is_shut(kim)
    kim.enter_password()
    assert kim.asked_for == CHALLENGE


@pytest.mark.row("V14")
@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "localhost"},
        {"HTTP_USER_AGENT": "kube-probe/1.0"},
        {"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
        {"HTTP_X_FORWARDED_FOR": "127.0.0.1"},
        {"HTTP_X_AUTHENTIK_AUTH": "1"},
        {"HTTP_HX_CURRENT_URL": "http://localhost:8000/login/"},
    ],
    ids=lambda headers: next(iter(headers)),
)
def test_no_path_host_or_header_is_exempt(headers, half_way):
    for page, path in paths_about(half_way.user).items():
        assert half_way.client.get(path, **headers).status_code == 302, page.name
    for path in ("/login-portal/", "/static/portal/", "/passkeys/portal/", "/logout/portal/"):
        assert half_way.client.get(path, **headers).status_code == 404


# --- Secrets, owners ---


@pytest.mark.row("ASVS-14.2.6", "N-3.1.4.2-store", "DJ-15", "V17")
def test_no_page_and_no_row_shows_a_secret(kim, administrator, caplog):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    confirm_setup(kim, page, OWN_SETUP)
    codes = codes_on(kim.client.get(OWN_CODES))
    assert len(codes) == 10
    kim.client.post(OWN_CODES, {"saved": "on"})
    text, key = totp.key_as_text(page.key), page.key
    secrets = [text, key.hex(), *codes, *(code.replace("-", "") for code in codes)]

    shown = [kim.client.get(path).content.decode() for path in (OWN, "/user-settings/", "/portal/")]
    shown += [administrator.client.get(path).getvalue().decode() for path in paths_about(kim.user).values()]
    shown += [str(everything()), str([row.get_decoded() for row in Session.objects.all()]), caplog.text]
    shown += [repr(AuthenticatorApp.objects.get())]
    raw = b"".join(bytes(app.key) for app in AuthenticatorApp.objects.all())
    raw += b"".join(bytes(code.sealed_digest) for code in RecoveryCode.objects.all())

    for place in shown:
        assert [secret for secret in secrets if secret in place or secret.lower() in place] == []
    assert key not in raw
    assert not [code for code in codes if code.replace("-", "").encode() in raw]
