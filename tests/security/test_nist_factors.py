"""NIST SP 800-63B-4: codes (3.1.4), recovery (4.2), what a login is worth (2.2), and the end of an authenticator (4.3, 4.5)."""

from __future__ import annotations

import pytest

from accounts import people
from audit.models import AuditEvent
from mfa import services
from mfa.models import AuthenticatorApp, RecoveryCode
from tests.mfa.pages import (
    CHALLENGE,
    OWN,
    OWN_SETUP,
    open_setup,
    window_of,
)
from tests.people import Person
from tests.security.documents import table
from tests.security.scenes import carry, is_shut, key_of

# --- Codes of the app (3.1.4) ---


@pytest.mark.row("N-3.1.4.1-key", "OTP-5")
def test_a_key_has_160_random_bits(kim):
    kim.sign_in()
    keys = set()
    for _ in range(10):
        kim.client.post(OWN_SETUP, {"new_key": "yes"})
        keys.add(open_setup(kim, OWN_SETUP).key)

    assert len(keys) == 10
    assert {8 * len(key) for key in keys} == {160}


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


@pytest.mark.row("N-2.2.1", "N-4.2.2.2")
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


@pytest.mark.row("ASVS-7.4.3", "N-4.3", "B-23")
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


@pytest.mark.row("N-4.5", "V33")
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
