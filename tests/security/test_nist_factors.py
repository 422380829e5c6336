"""NIST SP 800-63B-4: codes (3.1.4), recovery (4.2), what a login is worth (2.2), and the end of an authenticator (4.3, 4.5)."""

from __future__ import annotations

import math
from hashlib import sha256
from time import time

import pytest

from accounts import people
from accounts.models import Session
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from mfa.methods import recovery, totp
from mfa.models import AuthenticatorApp, RecoveryCode
from mfa.sealing import Purpose, unseal
from tests.accounts.walk import everything
from tests.mfa.pages import (
    CHALLENGE,
    CREATE,
    OWN,
    OWN_SETUP,
    SETUP,
    confirm_setup,
    make_new_codes,
    open_setup,
    window_of,
    words,
)
from tests.people import Person, browser
from tests.security.documents import table
from tests.security.scenes import REGISTRATION, carry, is_shut, key_of, things

QUARTER = 15 * 60 + 1


# --- Codes of the app (3.1.4) ---


@pytest.mark.row("N-3.1.4.1-key")
def test_a_key_has_160_random_bits(kim):
    kim.sign_in()
    keys = set()
    for _ in range(10):
        kim.client.post(OWN_SETUP, {"new_key": "yes"})
        keys.add(open_setup(kim, OWN_SETUP).key)

    assert len(keys) == 10
    assert {8 * len(key) for key in keys} == {160}


@pytest.mark.row("N-3.1.4.1-step")
def test_a_step_has_30_seconds(clock, kim_with_app):
    before = kim_with_app.code()
    clock.shift(14)
    assert kim_with_app.code() == before
    clock.shift(1)
    assert kim_with_app.code() != before
    assert totp.STEP_SECONDS <= 120


@pytest.mark.row("N-3.1.4.1-len")
def test_a_code_has_six_digits(clock, kim_with_app):
    codes = {totp.code_at(kim_with_app.app_key, time() + 30 * steps) for steps in range(500)}

    assert {len(code) for code in codes} == {6}
    assert len(codes) > 490
    kim_with_app.enter_password()
    assert kim_with_app.enter_code(kim_with_app.code()[:5]).status_code == 400


@pytest.mark.row("N-3.1.4.2-store")
def test_nothing_that_is_stored_or_shown_holds_the_key(kim, administrator):
    kim.sign_in()
    page = open_setup(kim, OWN_SETUP)
    confirm_setup(kim, page, OWN_SETUP)
    text = totp.key_as_text(page.key)
    [app] = AuthenticatorApp.objects.all()

    assert page.key not in bytes(app.key)
    assert text.encode() not in bytes(app.key)
    for place in (
        str(everything()),
        str([row.get_decoded() for row in Session.objects.all()]),
        administrator.client.get(window_of(kim.user)).content.decode(),
        kim.client.get(OWN).content.decode(),
        repr(app),
    ):
        assert text not in place
        assert page.key.hex() not in place


@pytest.mark.row("N-3.1.4.2-bind")
def test_the_key_is_shown_once_to_its_owner_and_kept_by_no_cache(clock, kim, ada):
    kim.sign_in()
    answer = kim.client.get(OWN_SETUP)
    assert "no-store" in answer.headers["Cache-Control"]
    page = open_setup(kim, OWN_SETUP)
    confirm_setup(kim, page, OWN_SETUP)
    assert open_setup(kim, OWN_SETUP).key != page.key, "another one, and not for this app"
    assert browser().get(OWN_SETUP).status_code == 302
    clock.shift(QUARTER)
    assert kim.client.get(OWN_SETUP).headers["Location"].startswith("/confirm/"), "not without a fresh proof"


@pytest.mark.row("N-3.1.4.2-once")
def test_a_code_counts_once_wherever_it_is_tried(clock, kim_with_app):
    kim, other = kim_with_app, Person(kim_with_app.user)
    code, older = kim.code(), kim.code(-1)
    kim.enter_password()
    assert kim.enter_code(code).headers["Location"] == "/"

    for tried in (code, older):
        assert kim.client.post("/confirm/", {"code": tried}).status_code == 400
    kim.client.post("/logout/")
    for person in (kim, other):
        person.enter_password()
        assert person.enter_code(code).status_code == 400
        assert is_shut(person)


@pytest.mark.row("N-3.1.4.2-life")
def test_the_window_does_not_grow(clock, kim_with_app):
    """A phone that is one step behind stays within one step, however often it signs in."""
    kim = kim_with_app
    for _ in range(5):
        kim.enter_password()
        assert kim.enter_code(kim.code(-1)).headers["Location"] == "/"
        kim.client.post("/logout/")
        clock.shift(300)

    kim.enter_password()
    assert kim.enter_code(kim.code(-2)).status_code == 400


@pytest.mark.row("N-3.1.4.2-chan")
def test_over_tls_no_code_is_read_without_it(half_way, settings):
    settings.SECURE_SSL_REDIRECT = True
    without = carry(Person(half_way.user), key_of(half_way))
    code = half_way.code()

    answer = without.client.post(CHALLENGE, {"code": code})

    assert answer.status_code in {301, 400, 403}, "it is sent on or refused before anything looks at it"
    assert answer.headers.get("Location", "https://").startswith("https://")
    settings.SECURE_SSL_REDIRECT = False
    assert half_way.enter_code(code).headers["Location"] == "/", "it was not used up"


# --- What a login is worth (2.2) ---


def password(person):
    return person.enter_password().status_code


def code(person):
    return person.enter_code().status_code


def recovery_code(person):
    return person.enter_code(person.codes[0]).status_code


def passkey(person):
    return person.use_passkey().status_code


def unverified_passkey(person):
    person.authenticator.flags &= ~4
    return person.use_passkey().status_code


WORTH = {
    "password": ([password], False),
    "password and a code of the app": ([password, code], True),
    "password and a recovery code": ([password, recovery_code], True),
    "password and a passkey": ([password, passkey], True),
    "a passkey that verified its user": ([passkey], True),
    "a passkey that did not verify its user": ([unverified_passkey], False),
    "a code or a recovery code without a password": ([code, recovery_code], False),
}


@pytest.mark.row("N-2.2.1")
@pytest.mark.parametrize("proofs", WORTH)
def test_which_proofs_are_two_factors(proofs, kim_with_app):
    acts, two = WORTH[proofs]
    kim_with_app.add_passkey()

    for act in acts:
        act(kim_with_app)

    assert kim_with_app.is_in == two
    written = dict(table("What a proof is worth"))
    assert set(written) == set(WORTH)
    assert written[proofs].startswith("two factors") == two


@pytest.mark.row("N-2.2.2-replay")
@pytest.mark.parametrize("method", ["code", "recovery code", "passkey"])
def test_no_proof_counts_twice(method, kim_with_app):
    kim, replay = kim_with_app, Person(kim_with_app.user)
    kim.add_passkey()
    if method == "passkey":
        options = kim.json("/passkeys/authentication/options/", {}).json()
        answer = {"credential": kim.authenticator.get(options)}
        assert kim.json("/passkeys/authentication/", answer).status_code == 200
        replay.json("/passkeys/authentication/options/", {})
        assert replay.json("/passkeys/authentication/", answer).status_code == 400
    else:
        typed = kim.code() if method == "code" else kim.codes[0]
        kim.enter_password()
        assert kim.enter_code(typed).headers["Location"] == "/"
        replay.enter_password()
        assert replay.enter_code(typed).status_code == 400

    assert is_shut(replay)


@pytest.mark.row("N-2.2.2-phish")
def test_everybody_may_have_a_passkey(kim, company_admin, admin):
    for user in (kim.user, company_admin, admin):
        person = Person(user)
        person.sign_in()
        assert person.client.get(f"{OWN}passkeys/new/").status_code == 200
        assert person.create_passkey().status_code == 200
        person.client.post("/logout/")
        assert person.use_passkey().status_code == 200
        assert person.is_in


# --- Recovery (4.2) ---


@pytest.mark.row("N-4.2.1.1-64")
def test_a_recovery_code_has_80_bits(kim_with_app, ada):
    ada.set_up_app()
    assert recovery.LENGTH * math.log2(len(recovery.ALPHABET)) >= 64
    codes = kim_with_app.codes + ada.codes + services.make_recovery_codes(ada.user, actor=ada.user)
    assert len({recovery.read(code) for code in codes}) == 30


@pytest.mark.row("N-4.2.1.1-hash")
def test_no_recovery_code_is_kept_in_clear(kim_with_app):
    kept = b"".join(bytes(row.sealed_digest) for row in RecoveryCode.objects.all())
    for typed in kim_with_app.codes:
        plain = recovery.read(typed).encode()
        assert plain not in kept
        assert sha256(plain).digest() not in kept
    row = RecoveryCode.objects.first()
    assert len(unseal(row.sealed_digest, kim_with_app.user.pk, Purpose.RECOVERY_CODE)) == sha256().digest_size


@pytest.mark.row("N-4.2.1.1-use")
def test_a_used_code_is_void_and_new_ones_are_offered(kim_with_app):
    kim = kim_with_app
    kim.enter_password()
    landed = kim.client.post(CHALLENGE, {"code": kim.codes[0]}, follow=True)
    landed = kim.client.get("/portal/") if "recovery code" not in words(landed) else landed

    assert "You used a recovery code. 9 are left. Lost your phone? Set up again · Make new codes" in words(landed)
    make_new_codes(kim)
    kim.client.post("/logout/")
    kim.enter_password()
    for typed in kim.codes[:2]:
        assert kim.enter_code(typed).status_code == 400


@pytest.mark.row("N-4.2.2.2")
def test_recovery_takes_the_password_and_a_code(kim_with_app):
    kim = kim_with_app
    kim.client.post(CHALLENGE, {"code": kim.codes[0]})
    assert is_shut(kim)
    kim.client.post("/login/", {"username": "kim", "password": kim.codes[0]})
    assert is_shut(kim)
    kim.enter_password()
    assert is_shut(kim)
    assert kim.enter_code(kim.codes[0]).headers["Location"] == "/"
    assert kim.is_in


@pytest.mark.row("N-4.2.1-alt")
def test_after_an_administrators_removal_the_rule_asks_again(kim_with_app, company, administrator):
    kim = kim_with_app
    companies.enable_company_two_factor(company, actor=administrator.user)
    administrator.client.post(f"{window_of(kim.user)}two-factor/off/", {"sign_out": "on"})

    kim.enter_password("not the password")
    assert kim.asked_for == "/login/", "the password is asked for still"
    kim.enter_password()
    assert is_shut(kim)
    assert kim.asked_for == SETUP
    assert AuditEvent.objects.get(action="two_factor_disabled").actor == administrator.user


# --- Binding, loss, end (4.1, 4.3, 4.5) ---


@pytest.mark.row("N-4.1-record")
def test_the_record_outlives_the_authenticator(kim_with_app, administrator):
    kim = kim_with_app
    kim.sign_in()
    made = kim.create_passkey()
    assert made.status_code == 200
    passkey = kim.user.passkeys.get()
    kim.client.post(f"{OWN}passkeys/{passkey.pk}/rename/", {"name": "My phone"})
    kim.client.post(f"{OWN}passkeys/{passkey.pk}/delete/")
    administrator.client.post(f"{window_of(kim.user)}two-factor/off/")

    lines = AuditEvent.objects.filter(subject=kim.user)
    told = {line.action: line for line in lines}
    assert {"app_set_up", "passkey_created", "passkey_renamed", "passkey_deleted", "two_factor_disabled"} <= set(told)
    assert told["passkey_deleted"].details["passkey"] == str(passkey.pk)
    for action in ("passkey_created", "passkey_deleted"):
        assert (told[action].address, "Chrome" in told[action].browser) == ("127.0.0.1", True)
        assert told[action].at


@pytest.mark.row("N-4.1.2.1-aal")
@pytest.mark.parametrize("holds", ["app", "passkey"])
def test_whoever_has_a_factor_proves_it_before_another(holds, kim, ada, admin):
    if holds == "app":
        kim.set_up_app()
    else:
        kim.add_passkey()
        services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    before = things()
    for path in (SETUP, CREATE):
        assert kim.client.get(path).headers["Location"] == CHALLENGE
    assert kim.json(f"{REGISTRATION}options/", {}).status_code == 403
    assert things() == before

    services.enable_two_factor(ada.user, actor=admin)
    ada.enter_password()
    assert ada.client.get(SETUP).status_code == 200, "whoever has none enrols on the password"


@pytest.mark.row("N-4.1.2.1-two")
def test_several_authenticators_side_by_side(kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.add_passkey()

    for used in kim.authenticator.credentials:
        person = Person(kim.user, authenticator=kim.authenticator)
        options = person.json("/passkeys/authentication/options/", {}).json()
        answer = {"credential": kim.authenticator.get(options, used=used)}
        assert person.json("/passkeys/authentication/", answer).status_code == 200
        assert person.is_in
    kim.sign_in()
    assert kim.is_in


@pytest.mark.row("N-4.1.2.1-two")
def test_whoever_has_one_authenticator_is_encouraged_to_have_another(kim, ada):
    passkey, app = 'href="/user-settings/mfa/passkeys/new/"', "Two-factor authentication closes that gap."
    kim.set_up_app()
    kim.sign_in()
    ada.add_passkey()
    ada.use_passkey()

    def encouraged(person):
        page = person.client.get("/m2s/").content.decode()
        return [passkey in page, app in page]

    assert [encouraged(kim), encouraged(ada)] == [[True, False], [False, True]]
    kim.add_passkey()
    ada.set_up_app()
    assert [encouraged(kim), encouraged(ada)] == [[False, False], [False, False]]


@pytest.mark.row("N-4.3")
@pytest.mark.parametrize("fate", ["deleted", "suspended", "app removed"])
def test_a_deleted_or_suspended_authenticator_is_dead_with_the_next_request(fate, kim_with_app, admin):
    """Dead for the session that it opened, and for a login that is on its way."""
    kim, there = kim_with_app, Person(kim_with_app.user)
    passkey = kim.add_passkey()
    there.authenticator, there.app_key = kim.authenticator, kim.app_key
    (there.sign_in if fate == "app removed" else there.use_passkey)()
    assert there.is_in
    kim.enter_password()

    if fate == "deleted":
        services.delete_passkey(passkey, actor=admin)
    elif fate == "suspended":
        services.suspend_passkey(passkey, "a copy")
    else:
        services.disable_two_factor(kim.user, actor=admin)
        services.enable_two_factor(kim.user, actor=admin)  # which asks for the passkey now

    assert is_shut(there)
    if fate == "app removed":
        for code in (kim.code(1), kim.codes[0]):
            assert kim.enter_code(code).status_code == 400
        assert not AuthenticatorApp.objects.exists()
        assert not RecoveryCode.objects.exists()
    else:
        options = kim.json("/passkeys/authentication/options/", {}).json()
        answer = {"credential": kim.authenticator.get(options, used=kim.authenticator.credentials[0])}
        assert kim.json("/passkeys/authentication/", answer).status_code == 400
    assert is_shut(kim)


@pytest.mark.row("N-4.5")
def test_a_deactivated_person_gets_in_by_nothing(kim_with_app, admin):
    kim, there = kim_with_app, Person(kim_with_app.user)
    kim.add_passkey()
    there.enter_password()
    there.enter_code(kim.codes[0])
    kim.enter_password()
    people.deactivate_user(kim.user, actor=admin)

    assert is_shut(there)
    kim.enter_code(kim.codes[1])
    assert is_shut(kim)
    assert kim.enter_password().status_code == 400
    assert kim.use_passkey().status_code == 400
    people.activate_user(kim.user, actor=admin)
    assert is_shut(there), "sessions of before do not come back"
    kim.enter_password()
    assert kim.enter_code(kim.codes[1]).headers["Location"] == "/"
