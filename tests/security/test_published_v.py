"""Bugs published elsewhere, V1 to V19: each as it was there, and what holds here."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from time import time

import pytest
from django.conf import settings
from django.db import connections

from accounts import throttle
from accounts.models import Session
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from mfa.methods import totp
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from mfa.sealing import Purpose, unseal
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import everything, pages
from tests.authenticator import BE, BS, UP, UV
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
    refusals_of,
    session_dump,
    window_of,
)
from tests.people import PASSWORD, Person, browser
from tests.security.scenes import (
    AUTHENTICATION,
    REGISTRATION,
    choose_by_invitation,
    is_shut,
    paths_about,
    things,
)

CONFIRM = "/confirm/"
QUARTER = 15 * 60 + 1


def question(person, about=AUTHENTICATION):
    return person.json(f"{about}options/", {}).json()


# --- Adding and removing factors ---


@pytest.mark.row("V1")
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


@pytest.mark.row("V2")
def test_somebody_elses_factor_does_not_exist(kim, ada, administrator, foreigners, carla):
    theirs = ada.add_passkey()
    kim.sign_in()
    before = things()

    for client in (kim.client, carla.client, administrator.client):
        for act in ("delete", "rename"):
            path = f"{OWN}passkeys/{theirs.pk}/{act}/"
            assert [client.get(path).status_code, client.post(path, {"name": "x"}).status_code] == [404, 404]
    for other in foreigners:
        path = f"{window_of(kim.user)}passkeys/{other.user.passkeys.get().pk}/delete/"
        assert carla.client.post(path).status_code == 404, "beside somebody who may be managed"

    assert things() == before


@pytest.mark.row("V3")
@pytest.mark.parametrize("first", ["right", "wrong"])
def test_a_registration_counts_once(first, kim):
    kim.sign_in()
    options = question(kim, REGISTRATION)
    answer = kim.authenticator.create(options)
    wrong = answer | {"type": "other"}

    assert kim.json(REGISTRATION, {"credential": answer if first == "right" else wrong}).status_code == (
        200 if first == "right" else 400
    )
    Passkey.objects.all().delete()
    assert kim.json(REGISTRATION, {"credential": answer}).status_code == 400
    assert not Passkey.objects.exists()


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


@pytest.mark.row("V5")
def test_a_code_counts_once_in_all_sessions(kim_with_app):
    first, second = kim_with_app, Person(kim_with_app.user, app_key=kim_with_app.app_key)
    first.enter_password()
    second.enter_password()
    code = first.code()

    assert first.enter_code(code).headers["Location"] == "/"
    assert second.enter_code(code).status_code == 400
    first.client.post("/logout/")
    first.enter_password()
    assert first.enter_code(code).status_code == 400
    assert is_shut(first)
    assert is_shut(second)


@pytest.mark.row("V6")
def test_the_accepted_step_only_grows(clock, kim_with_app):
    kim, tries = kim_with_app, []
    late, now, early = kim.code(-1), kim.code(), kim.code(1)
    assert len({late, now, early}) == 3
    for code in (now, late, now, early, now, early):
        kim.client.post("/logout/")
        throttle.unlock(kim.user)
        kim.enter_password()
        kim.enter_code(code)
        tries.append(kim.is_in)

    assert tries == [True, False, False, True, False, False]


@pytest.mark.row("V7")
@pytest.mark.django_db(transaction=True)
def test_of_twenty_at_once_one_gets_in(kim):
    kim.set_up_app()
    code, gate = kim.code(), Barrier(20)
    tries = [Person(kim.user) for _ in range(20)]
    for one in tries:
        throttle.unlock(kim.user)
        one.enter_password()
    throttle.unlock(kim.user)

    def enter(one):
        try:
            gate.wait(30)
            return one.enter_code(code).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(enter, tries))

    assert max(answers) < 500
    assert sum(one.is_in for one in tries) == 1


@pytest.mark.row("V8")
def test_secret_and_owner_come_from_the_server(kim, ada):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    ours = totp.new_key()
    forged = {
        "key": totp.key_as_text(ours),
        "secret": totp.key_as_text(ours),
        "user": str(ada.user.pk),
        "email": "x@y.z",
    }

    code = totp.code_at(ours, time())
    assert kim.client.post(OWN_SETUP, {**forged, "setup": page.id, "code": code}).status_code == 400
    kim.app_key = page.key
    assert kim.client.post(OWN_SETUP, {**forged, "setup": page.id, "code": kim.code()}).status_code == 302

    app = AuthenticatorApp.objects.get()
    assert app.user == kim.user
    assert unseal(app.key, kim.user.pk, Purpose.APP) == page.key


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
    link = re.search(r"http://localhost:8000(/password-reset/\S+/\S+/)", mailoutbox[0].body)
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


@pytest.mark.row("V11")
def test_there_are_no_api_tokens(half_way):
    for scheme in ("Token", "Bearer", "Basic", "ApiKey"):
        answer = half_way.client.get("/portal/", HTTP_AUTHORIZATION=f"{scheme} abc", HTTP_ACCEPT="application/json")
        assert answer.status_code == 401
    assert not [page for page in pages() if "token" in page.name or "api" in page.pattern]
    assert not [app for app in settings.INSTALLED_APPS if "rest" in app or "token" in app or "oauth" in app]


@pytest.mark.row("V12")
def test_after_a_removal_the_companys_rule_asks_again(kim_with_app, administrator, company):
    kim = kim_with_app
    companies.enable_company_two_factor(company, actor=administrator.user)

    administrator.client.post(f"{window_of(kim.user)}two-factor/off/")

    assert not AuthenticatorApp.objects.exists()
    kim.enter_password()
    assert is_shut(kim)
    assert kim.asked_for == SETUP


@pytest.mark.row("V13")
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


@pytest.mark.row("V16")
@pytest.mark.parametrize("flags", [UP, UP | BE | BS, UV, UV | BE | BS, 0], ids=bin)
def test_presence_alone_is_refused(flags, kim):
    kim.authenticator.flags = flags
    kim.sign_in()
    assert kim.create_passkey().status_code == 400
    kim.client.post("/logout/")
    kim.authenticator.credentials.clear()
    kim.authenticator.flags = UP | UV | (flags & (BE | BS))
    kim.add_passkey()
    kim.authenticator.flags = flags

    assert kim.use_passkey().status_code == 400
    assert is_shut(kim)


# --- Secrets, owners ---


@pytest.mark.row("DJ-15", "V17")
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
    shown += [administrator.client.get(path).content.decode() for path in paths_about(kim.user).values()]
    shown += [str(everything()), str([row.get_decoded() for row in Session.objects.all()]), caplog.text]
    raw = b"".join(bytes(app.key) for app in AuthenticatorApp.objects.all())
    raw += b"".join(bytes(code.sealed_digest) for code in RecoveryCode.objects.all())

    for place in shown:
        assert [secret for secret in secrets if secret in place or secret.lower() in place] == []
    assert key not in raw
    assert not [code for code in codes if code.replace("-", "").encode() in raw]


@pytest.mark.row("V18")
@pytest.mark.parametrize("at", ["second step", "confirmation"])
def test_somebody_elses_passkey_is_refused_at_every_step(at, clock, kim_with_app, ada):
    kim = kim_with_app
    ada.add_passkey()
    kim.add_passkey()
    kim.enter_password()
    if at == "confirmation":
        kim.enter_code(kim.codes[0])
        clock.shift(QUARTER)
    answer = ada.authenticator.get(question(kim), used=ada.authenticator.credentials[0])

    assert kim.json(AUTHENTICATION, {"credential": answer}).status_code == 400
    if at == "confirmation":
        assert kim.client.post(f"{OWN}two-factor/off/").headers["Location"].startswith(CONFIRM)
    else:
        assert is_shut(kim)
    assert len(refusals_of(ada.user)) == 1


@pytest.mark.row("V19")
def test_the_owner_of_a_factor_is_not_in_any_form(kim, ada):
    kim.sign_in()
    mine = kim.add_passkey()
    kim.use_passkey()
    forged = {"user": str(ada.user.pk), "user_id": str(ada.user.pk), "owner": str(ada.user.pk), "credential_id": "00"}

    kim.client.post(f"{OWN}passkeys/{mine.pk}/rename/", {"name": "My phone", **forged})
    answer = kim.authenticator.create(question(kim, REGISTRATION))
    assert kim.json(REGISTRATION, {"credential": answer | forged, **forged}).status_code == 200

    assert set(Passkey.objects.values_list("user", flat=True)) == {kim.user.pk}
    assert Passkey.objects.get(pk=mine.pk).name == "My phone"
    assert AuditEvent.objects.filter(subject=ada.user).count() == 0
