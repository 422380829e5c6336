"""Codes, recovery codes and passkeys: what each is worth, how it is kept, and its end (NIST SP 800-63B-4; ASVS 6.5 to 6.8)."""

from __future__ import annotations

import random
import secrets
from hashlib import sha256
from itertools import product

import pytest
from django.apps import apps
from django.conf import settings

from accounts import people
from accounts.sealing import Purpose, unseal
from audit.models import AuditEvent
from companies.access_passes import Validity, give_pass
from mfa import services
from mfa.methods import recovery_codes, totp
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from tests.accounts.walk import pages
from tests.authenticator import BE, BS, UP, UV, unb64
from tests.documents import ACCESS, table
from tests.mfa.pages import CHALLENGE, OWN, OWN_SETUP, confirm_setup, open_setup, window_of, words
from tests.people import Person
from tests.scenes import AUTHENTICATION, REGISTRATION, carry, is_shut, key_of


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
    mailoutbox.clear()
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


def given_pass(person):
    return person.client.post("/login/challenge/?with=pass", {"code": person.given}).status_code


def unverified_passkey(person):
    person.authenticator.flags &= ~4
    return person.use_passkey().status_code


WORTH = {
    "password": ([password], False),
    "password and a code of the app": ([password, code], True),
    "password and a recovery code": ([password, recovery_code], True),
    "password and a passkey": ([password, passkey], True),
    "password and an access pass": ([password, given_pass], False),
    "a passkey that verified its user": ([passkey], True),
    "a passkey that did not verify its user": ([unverified_passkey], False),
    "a code, a recovery code or an access pass without a password": ([code, recovery_code, given_pass], False),
}


@pytest.mark.row("N-2.2.1", "N-4.2.2.2")
@pytest.mark.parametrize("proofs", WORTH)
def test_which_proofs_are_two_factors(proofs, kim_with_app, admin):
    acts, two = WORTH[proofs]
    how = {"checked": "in_person", "reason": "Phone lost"}
    kim_with_app.given = give_pass(kim_with_app.user, valid=Validity.AN_HOUR, actor=admin, **how)
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
    passkey, app = 'href="/user-settings/mfa/passkeys/new/?from=m2s"', "Two-factor authentication closes that gap."
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


EACH = [sum(some) for some in product((0, UP), (0, UV), (0, BE), (0, BS))]


def holds(flags):
    """What is decided for a combination of flags (docs/access.md)."""
    return bool(flags & UP and flags & UV and not (flags & BS and not flags & BE))


@pytest.mark.row("ASVS-6.5.7", "N-B.3-decide", "WR-16", "WR-17", "WR-18", "WA-25", "V16")
@pytest.mark.parametrize("flags", EACH, ids=bin)
def test_each_combination_of_flags_has_its_outcome(flags, kim):
    kim.sign_in()
    kim.authenticator.flags = flags

    assert kim.create_passkey().status_code == (200 if holds(flags) else 400)
    assert Passkey.objects.count() == int(holds(flags))
    for word in ("(UP)", "(UV)", "(BE)", "(BS)"):
        assert word in ACCESS.read_text()


@pytest.mark.row("N-B.3-BE")
@pytest.mark.parametrize(("flags", "says"), [(UP | UV, False), (UP | UV | BE, True), (UP | UV | BE | BS, True)])
def test_whether_a_passkey_is_synced_is_kept_and_shown(flags, says, kim, administrator):
    kim.sign_in()
    kim.authenticator.flags = flags
    kim.create_passkey()
    made = Passkey.objects.get()

    assert (made.backup_eligible, made.backed_up) == (bool(flags & BE), bool(flags & BS))
    shown = [words(kim.client.get(OWN)), words(administrator.client.get(window_of(kim.user)))]
    assert [made.name in page for page in shown] == [True, True]
    kinds = {("this device only" in page.lower(), "synced" in page.lower()) for page in shown}
    assert len(kinds) == 1, "the same for owner and administrator"
    assert says == made.backup_eligible


@pytest.mark.row("N-4.1-char")
def test_what_a_passkey_is_is_kept_when_it_is_made(kim):
    kim.sign_in()
    kim.authenticator.aaguid = bytes(range(16))
    kim.create_passkey()

    made = Passkey.objects.get()
    assert made.aaguid.bytes == bytes(range(16))
    assert made.transports == ["internal"]
    assert (made.backup_eligible, made.backed_up, made.sign_count) == (True, True, 0)
    assert bytes(made.credential_id) == kim.authenticator.credentials[0].id
    assert made.created_at
