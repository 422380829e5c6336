"""ASVS 5.0, 6.5 to 6.8: codes, recovery codes, passkeys, and what is not offered."""

from __future__ import annotations

import random
import secrets
from hashlib import sha256

import pytest
from django.apps import apps
from django.conf import settings

from mfa.methods import recovery_codes, totp
from mfa.models import AuthenticatorApp, RecoveryCode
from mfa.sealing import Purpose, unseal
from tests.accounts.walk import pages
from tests.authenticator import unb64
from tests.mfa.pages import CHALLENGE, OWN, OWN_SETUP, confirm_setup, open_setup, window_of
from tests.people import Person
from tests.security.documents import ACCESS
from tests.security.scenes import AUTHENTICATION, REGISTRATION, is_shut


@pytest.mark.row("ASVS-6.5.2", "N-4.2.1.1-hash", "V28")
def test_a_stored_recovery_code_is_a_sealed_digest(kim_with_app):
    digests = {sha256(recovery_codes.read(code).encode()).digest() for code in kim_with_app.codes}
    stored = [bytes(row.sealed_digest) for row in RecoveryCode.objects.all()]

    assert {unseal(sealed, kim_with_app.user.pk, Purpose.RECOVERY_CODE) for sealed in stored} == digests
    assert not [sealed for sealed in stored for digest in digests if digest in sealed or digest[:8] in sealed]
    assert not any("key" in field.name for field in RecoveryCode._meta.get_fields())


@pytest.mark.row("ASVS-6.5.3", "V28")
def test_codes_keys_and_questions_come_from_the_systems_randomness(kim, monkeypatch):
    def weak(*_args, **_kwargs):
        raise AssertionError("not for secrets")

    for name in ("random", "randint", "choice", "choices", "randrange", "getrandbits", "sample", "randbytes"):
        monkeypatch.setattr(random, name, weak)
    monkeypatch.setattr(random.Random, "random", weak)
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)

    assert confirm_setup(kim, page, OWN_SETUP).status_code == 302
    assert kim.create_passkey().status_code == 200
    assert isinstance(recovery_codes.codes.choice.__self__, secrets.SystemRandom)
    assert totp.codes.token_bytes is secrets.token_bytes


@pytest.mark.row("ASVS-6.5.5")
@pytest.mark.parametrize(("steps", "counts"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_code_lives_for_its_step_and_one_either_way(steps, counts, clock, kim_with_app):
    kim_with_app.enter_password()

    assert (kim_with_app.enter_code(kim_with_app.code(steps)).status_code == 302) == counts
    assert (totp.STEP_SECONDS, totp.TOLERANCE) == (30, 1)
    assert "one step before and after its own, 90 seconds in all" in ACCESS.read_text()


@pytest.mark.row("ASVS-6.5.6")
@pytest.mark.parametrize("by", ["owner", "company administrator"])
def test_every_factor_can_be_revoked(by, kim_with_app, carla):
    kim, other = kim_with_app, Person(kim_with_app.user, app_key=kim_with_app.app_key)
    passkey = kim.add_passkey()
    other.authenticator = kim.authenticator
    kim.sign_in()
    who, window = (kim, OWN) if by == "owner" else (carla, window_of(kim.user))

    assert who.client.post(f"{window}passkeys/{passkey.pk}/delete/").status_code == 302
    assert other.use_passkey().json()["error"] == "unknown_passkey"
    other.enter_password()
    assert other.asked_for == CHALLENGE
    assert who.client.post(f"{window}two-factor/off/").status_code == 302
    assert other.client.post(CHALLENGE, {"code": kim.codes[0]}).status_code == 302
    assert not AuthenticatorApp.objects.exists()
    assert not RecoveryCode.objects.exists()


@pytest.mark.row("ASVS-6.5.8")
def test_the_servers_clock_decides(clock, kim_with_app):
    kim, theirs = kim_with_app, "Mon, 04 May 2026 09:40:15 GMT"
    kim.enter_password()
    soon = kim.code(20)

    answer = kim.client.post(
        CHALLENGE,
        {"code": soon, "time": "1777887615", "timestamp": "1777887615", "now": theirs, "drift": "20"},
        HTTP_DATE=theirs,
        HTTP_X_TIMESTAMP="1777887615",
    )

    assert answer.status_code == 400
    assert is_shut(kim)
    clock.shift(600 - 30)
    kim.enter_password()
    assert kim.enter_code(soon).headers["Location"] == "/", "the same code, once the server's clock is there"


@pytest.mark.row("ASVS-6.6.1-6.6.4", "N-4.2.1.2")
def test_no_code_goes_by_phone_mail_or_push(kim_with_app, mailoutbox):
    kim_with_app.enter_password()
    page = kim_with_app.client.get(CHALLENGE).content.decode().lower()

    assert mailoutbox == []
    assert not [word for word in ("sms", "text message", "phone number", "push", "e-mail me") if word in page]
    assert not [page for page in pages() if {"sms", "phone", "push", "email"} & set(page.pattern.split("/"))]
    fields = {field.name for model in apps.get_app_config("mfa").get_models() for field in model._meta.get_fields()}
    assert not fields & {"phone", "phone_number", "number", "email", "push_token"}


@pytest.mark.row("ASVS-6.7.2", "WR-39", "WA-28")
def test_questions_are_long_and_never_the_same(kim):
    kim.sign_in()
    asked = [
        kim.json(f"{about}options/", {}).json()["challenge"]
        for about in (AUTHENTICATION, REGISTRATION)
        for _ in range(50)
    ]

    assert len(set(asked)) == len(asked)
    assert min(len(unb64(challenge)) for challenge in asked) >= 16


@pytest.mark.row("ASVS-6.8.1-6.8.4")
def test_no_other_provider_signs_anybody_in(db):
    named = " ".join([*settings.AUTHENTICATION_BACKENDS, *settings.INSTALLED_APPS, *settings.MIDDLEWARE]).lower()

    assert not [word for word in ("oidc", "oauth", "saml", "social", "ldap", "remoteuser", "openid") if word in named]
    assert not [page for page in pages() if {"oauth", "oidc", "saml", "sso", "callback"} & set(page.pattern.split("/"))]
