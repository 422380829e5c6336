"""The login from the first page to the last: every step in its turn, and no way around one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.urls import URLPattern, get_resolver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from accounts import people
from accounts.models import User
from audit.models import AuditEvent
from companies import services as companies
from companies.services import Individuals
from mfa import services
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from tests.mfa.pages import (
    CHALLENGE,
    CREATE,
    NEW_CODES,
    OWN,
    OWN_CODES,
    OWN_SETUP,
    SAVE,
    SETUP,
    audit_of,
    codes_on,
    confirm_setup,
    open_setup,
    refusals_of,
    session_dump,
    window_of,
    words,
)
from tests.people import PASSWORD, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from companies.models import Company

STEPS = [CHALLENGE, SETUP, SAVE, CREATE]


def there(answer: Any) -> str:
    """Where an answer, of a page or of JSON, leads."""
    path: str = answer.headers.get("Location") or answer.json()["next"]
    return path


def wait_at(step: str, person: Person, admin: User) -> None:
    """Bring somebody to a step of their login."""
    if step == CHALLENGE:
        person.set_up_app()
    if step in {SETUP, SAVE}:
        services.enable_two_factor(person.user, actor=admin)
    if step == CREATE:
        services.request_passkey(person.user, actor=admin)
    person.enter_password()
    if step == SAVE:
        confirm_setup(person, open_setup(person))
    assert person.asked_for == step


# --- The steps, in order ---


def test_without_any_rule_a_password_is_enough(kim):
    assert kim.enter_password().headers["Location"] == "/"
    assert kim.is_in
    assert [line[0] for line in audit_of(kim.user)] == ["signed_in"]


@pytest.mark.parametrize("name", ["kim", "KIM", "kim@acme.example", "Kim@ACME.example", " kim ", "\uff2b\uff49\uff4d"])
def test_a_name_or_an_address_in_any_spelling_signs_in(kim, name):
    assert kim.client.post("/login/", {"username": name, "password": PASSWORD}).headers["Location"] == "/"
    assert kim.is_in


@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("kim", "wrong"),
        ("kim", PASSWORD.upper()),
        ("kim", f" {PASSWORD}"),
        ("kim", f"{PASSWORD} "),
        ("nobody", PASSWORD),
        ("kim\x00", PASSWORD),
        ("kim", PASSWORD + "\x00"),
        ("", ""),
        ("kim", ""),
        ("", PASSWORD),
        ("k" * 255, PASSWORD),
        ("kim", "x" * 1025),
    ],
)
def test_a_wrong_name_or_password_is_a_400_and_nobody_is_in(kim, username, password):
    assert kim.client.post("/login/", {"username": username, "password": password}).status_code == 400
    assert not kim.is_in


@pytest.mark.row("CS-AUTH-1")
def test_wrong_unknown_and_deactivated_people_read_the_same(kim, ada, make_person, admin):
    people.deactivate_user(ada.user, actor=admin)
    kim.set_up_app()
    kim.add_passkey()
    invited = make_person("omar", password=None)

    def page(username: str, password: str) -> str:
        answer = words(kim.client.post("/login/", {"username": username, "password": password}))
        return answer.replace(username, "…")

    pages = {page("kim", "wrong"), page("nobody", "wrong"), page("ada", PASSWORD), page("omar", "wrong")}

    assert len(pages) == 1
    assert "User name or password is not right. Check both and try again." in pages.pop()
    assert [*refusals_of(kim.user), *refusals_of(ada.user), *refusals_of(invited.user)] == ["WrongPassword"] * 3
    assert AuditEvent.objects.filter(action="refused", subject=None).count() == 1


def test_every_step_in_order(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)

    assert there(kim.enter_password(next="/m2s/")) == SETUP
    assert there(confirm_setup(kim, open_setup(kim))) == SAVE
    assert there(kim.client.post(SAVE, {"saved": "on"})) == CREATE
    assert not kim.is_in
    assert there(kim.create_passkey()) == "/m2s/"
    assert kim.is_in

    kim.client.post("/logout/")
    assert there(kim.enter_password()) == CHALLENGE
    assert there(kim.enter_code(kim.code(1))) == "/"
    assert kim.is_in


def test_code_then_passkey(kim_with_app, admin):
    services.request_passkey(kim_with_app.user, actor=admin)

    assert there(kim_with_app.enter_password()) == CHALLENGE
    assert there(kim_with_app.enter_code()) == CREATE
    assert there(kim_with_app.create_passkey()) == "/"
    assert kim_with_app.is_in


@pytest.mark.row("ASVS-16.3.1")
def test_the_audit_tells_the_steps(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    confirm_setup(kim, open_setup(kim))
    kim.client.post(SAVE, {"saved": "on"})
    kim.client.post(CREATE, {"later": "yes"})

    assert audit_of(kim.user) == [
        ("two_factor_enabled", "petra"),
        ("passkey_requested", "petra"),
        ("proved", "kim"),
        ("app_set_up", "kim"),
        ("recovery_codes_made", "kim"),
        ("passkey_postponed", "kim"),
        ("signed_in", "kim"),
    ]
    last = AuditEvent.objects.get(action="signed_in")
    assert last.details["methods"] == ["password", "totp"]
    assert last.address == "127.0.0.1"
    assert "Chrome" in last.browser
    assert last.company == kim.user.company


# --- Each page in its turn ---


@pytest.mark.row("ASVS-2.3.1")
@pytest.mark.parametrize("step", STEPS)
def test_no_other_step_opens(kim, admin, step):
    wait_at(step, kim, admin)
    for other in STEPS:
        answer = kim.client.get(other)
        if other == step:
            assert answer.status_code == 200
        else:
            assert there(answer) == step
            assert there(kim.client.post(other, {"code": "123456", "saved": "on", "later": "yes"})) == step
    assert kim.asked_for == step


@pytest.mark.row("V27")
@pytest.mark.parametrize("step", STEPS)
def test_a_script_is_told_which_step_comes_first(kim, admin, step):
    wait_at(step, kim, admin)
    for other in set(STEPS) - {step}:
        for headers in ({"accept": "application/json"}, {"hx-request": "true"}):
            answer = kim.client.post(other, headers=headers)
            assert (answer.status_code, answer.json()) == (403, {"error": "not_this_step", "next": step})


@pytest.mark.row("ASVS-4.1.4")
@pytest.mark.parametrize("step", STEPS)
def test_a_step_takes_only_what_a_form_sends(kim, admin, step):
    wait_at(step, kim, admin)

    assert {getattr(kim.client, method)(step).status_code for method in ("put", "patch", "delete", "options")} == {405}
    assert kim.client.head(step).status_code == 200
    assert kim.asked_for == step


@pytest.mark.parametrize("step", STEPS)
def test_strangers_and_signed_in_people_have_no_step(kim, step):
    assert there(kim.client.get(step)) == "/"
    assert kim.client.get(step, follow=True).request["PATH_INFO"] == "/login/"
    kim.sign_in()
    assert there(kim.client.post(step, {"saved": "on"})) == "/"
    assert kim.is_in


@pytest.mark.parametrize("step", STEPS)
def test_each_step_says_who_is_signing_in_and_lets_them_start_again(kim, admin, step):
    wait_at(step, kim, admin)
    page = kim.client.get(step)

    assert "Signing in as kim" in words(page)
    assert "Not you? Start again" in words(page)
    assert "no-store" in page.headers["Cache-Control"]
    assert there(kim.client.post("/logout/")) == "/login/"
    assert kim.asked_for == "/login/"


@pytest.mark.parametrize("step", STEPS)
def test_the_login_page_sends_on_whoever_is_on_the_way(kim, admin, step):
    wait_at(step, kim, admin)

    assert there(kim.client.get("/login/")) == step
    assert there(kim.client.get("/login/?next=/portal/")) == step


def test_the_login_page_sends_in_whoever_is_in(kim):
    kim.sign_in()

    assert there(kim.client.get("/login/")) == "/"
    assert there(kim.client.get("/login/?next=/m2s/")) == "/m2s/"
    assert there(kim.client.get("/login/?next=https://evil.example/")) == "/"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("path", ["/favicon.ico", "/static/m2v/icon.svg", "/nope/", "/login/nope/", "/robots.txt"])
def test_other_addresses_do_not_disturb_a_login(kim, admin, step, path):
    wait_at(step, kim, admin)
    kim.client.get(path)

    assert kim.asked_for == step


def test_signing_out_is_a_post(kim):
    kim.sign_in()

    assert kim.client.get("/logout/").status_code == 405
    assert kim.is_in
    assert there(kim.client.post("/logout/")) == "/login/?signed_out=yes"
    assert not kim.is_in
    assert audit_of(kim.user)[-1] == ("signed_out", "kim")
    assert there(kim.client.post("/logout/")) == "/login/", "twice does no harm"


# --- Nobody half-way is anybody ---


def addresses(kim: User, passkey: Passkey) -> Iterator[str]:
    """Every address of the site, about Kim where it is about somebody."""

    def walk(patterns: Any, prefix: str = "") -> Iterator[str]:
        for pattern in patterns:
            path = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield path
            else:
                yield from walk(pattern.url_patterns, path)

    known = {"passkey_id": passkey.pk, "company_id": kim.company_id}

    def filled(part: re.Match[str]) -> str:
        kind, name = part.groups()
        return str(known.get(name, kim.pk) if kind == "uuid" else "x")

    for path in walk(get_resolver().url_patterns):
        yield "/" + re.sub(r"<(?:(\w+):)?(\w+)>", filled, path)


def what_is_kept() -> list[object]:
    """All that an act could change."""
    kept: list[object] = [
        list(model.objects.order_by("pk").values())
        for model in (AuthenticatorApp, RecoveryCode, Passkey, PasskeyRequest)
    ]
    return [*kept, list(User.objects.order_by("pk").values("two_factor_enabled", "password", "role", "email"))]


@pytest.mark.row("B-01", "B-25", "V1")
@pytest.mark.parametrize("role", ["member", "administrator"])
def test_nothing_opens_and_nothing_changes_before_the_second_factor(make_person, role):
    """All addresses, by GET and POST, with what each form would hold, and with misleading headers (V14, B-41)."""
    kim = make_person("kim", role=role)
    kim.set_up_app()
    passkey = kim.add_passkey()
    services.request_passkey(kim.user, actor=kim.user)
    kim.enter_password()
    before = what_is_kept()
    fields = {
        "code": "000000",
        "saved": "on",
        "later": "yes",
        "sign_out": "on",
        "name": "x",
        "setup": "x",
        "role": role,
    }
    headers = {"referer": "http://localhost:8000/login/setup/two-factor/", "x-original-url": "/login/", "x-user": "kim"}
    checked = 0
    for path in addresses(kim.user, passkey):
        passed = (
            "/login/",
            "/logout/",
            "/password-reset/",
            "/invitation/",
            "/passkeys/",
            "/csp-report/",
            "/.well-known/",
            "/not-me/",
            "/address/",
            "/accessibility/",  # the same page for everybody
            "/x",  # no address of the site
        )
        if path.startswith(passed):
            continue
        for answer in (kim.client.get(path, headers=headers), kim.client.post(path, fields, headers=headers)):
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/login/"), path
            checked += 1
        assert kim.json(path, fields).status_code == 401, path
    for path in (SETUP, SAVE, CREATE):
        assert there(kim.client.post(path, fields)) == CHALLENGE
    assert kim.json("/passkeys/registration/options/", {}).json()["error"] == "not_this_step"
    assert kim.json("/passkeys/registration/", {"credential": {}}).json()["error"] == "not_this_step"
    assert checked > 40
    assert what_is_kept() == before
    assert kim.asked_for == CHALLENGE


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("path", ["/portal/", "/m2s/", "/settings/", OWN, OWN_SETUP, OWN_CODES, "/confirm/"])
def test_a_claimant_is_a_stranger_to_every_page(kim, admin, step, path):
    wait_at(step, kim, admin)

    assert kim.client.get(path).headers["Location"].startswith("/login/")
    answer = kim.client.get(path, headers={"hx-request": "true"})
    assert answer.status_code == 401
    assert answer.json()["error"] == "sign_in_required"
    assert answer.headers["HX-Redirect"].startswith("/login/")


@pytest.mark.row("B-04")
def test_a_wrong_password_in_between_changes_nothing(kim_with_app):
    kim_with_app.enter_password()
    kim_with_app.enter_password("wrong")

    assert kim_with_app.asked_for == CHALLENGE


def test_signing_in_as_somebody_else_ends_who_was_in(kim, ada):
    kim.sign_in()
    ada.set_up_app()
    ada.client = kim.client
    ada.enter_password()

    assert not kim.is_in
    assert ada.asked_for == CHALLENGE


def test_a_new_login_of_the_same_person_proves_everything_anew(kim_with_app, clock):
    kim_with_app.sign_in()
    kim_with_app.enter_password()

    assert not kim_with_app.is_in
    assert kim_with_app.asked_for == CHALLENGE


@pytest.mark.row("ASVS-7.2.4", "B-18")
def test_every_step_changes_the_sessions_key_and_the_old_ones_are_dead(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    keys = []

    def note() -> None:
        keys.append(kim.client.cookies["session"].value)

    kim.enter_password()
    note()
    page = open_setup(kim)
    confirm_setup(kim, page)
    note()
    kim.client.post(SAVE, {"saved": "on"})
    note()
    kim.client.post(CREATE, {"later": "yes"})
    note()
    assert kim.is_in
    assert len(set(keys)) == 4
    for key in keys[:-1]:
        thief = Person(kim.user)
        thief.client.cookies["session"] = key
        assert thief.asked_for == "/login/"


# --- The rules change under a login ---


@pytest.mark.parametrize("step", STEPS)
def test_sign_out_now_ends_logins_that_are_half_way(kim, admin, step):
    wait_at(step, kim, admin)
    people.end_sessions(kim.user, actor=admin)

    assert kim.asked_for == "/login/"


def test_a_session_that_is_in_meets_the_new_rule_at_its_next_login(kim, admin, company):
    kim.sign_in()
    companies.enable_company_two_factor(company, actor=admin)
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    assert kim.is_in
    kim.client.post("/logout/")

    assert there(kim.enter_password()) == SETUP


@pytest.mark.row("V36")
@pytest.mark.parametrize("step", [CHALLENGE, SETUP])
def test_row_4_and_5_two_factor_off_lets_a_waiting_login_in_at_once(kim, admin, step):
    wait_at(step, kim, admin)
    services.disable_two_factor(kim.user, actor=admin)

    assert kim.is_in


@pytest.mark.row("V36")
def test_row_7_a_deleted_request_lets_a_waiting_login_in_at_once(kim, admin):
    wait_at(CREATE, kim, admin)
    services.delete_passkey_request(kim.user, actor=admin)

    assert kim.is_in


@pytest.mark.row("V36")
def test_row_10_company_off_lets_a_waiting_login_in_at_once(kim, admin, company):
    companies.enable_company_two_factor(company, actor=admin)
    kim.enter_password()
    assert kim.asked_for == SETUP
    companies.disable_company_two_factor(company, actor=admin)

    assert kim.is_in


@pytest.mark.row("B-49")
def test_an_app_that_was_set_up_elsewhere_is_asked_for_by_a_login_that_waits_at_the_set_up(kim, admin):
    """V1: two browsers with the password; whoever set up first has the only say."""
    services.enable_two_factor(kim.user, actor=admin)
    thief = Person(kim.user)
    thief.enter_password()
    page = open_setup(thief)
    kim.enter_password()
    confirm_setup(kim, open_setup(kim))
    apps = list(AuthenticatorApp.objects.values())

    assert there(confirm_setup(thief, page)) == CHALLENGE
    assert list(AuthenticatorApp.objects.values()) == apps
    assert not thief.is_in


def test_row_3_until_it_is_set_up_nobody_gets_in_anywhere(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    for _ in range(2):
        assert there(kim.enter_password()) == SETUP
        for path in ("/", "/portal/", "/m2s/", "/settings/", "/user-settings/", OWN):
            assert kim.client.get(path).headers["Location"].startswith("/login/")


def test_2fa_set_up_has_no_not_now(kim, admin):
    wait_at(SETUP, kim, admin)

    assert "Not now" not in words(kim.client.get(SETUP))
    assert kim.client.post(SETUP, {"later": "yes"}).status_code == 400
    assert there(kim.client.post(CREATE, {"later": "yes"})) == SETUP
    assert not kim.is_in


# --- The passkey step ---


def test_row_6_not_now_goes_on_and_the_next_login_asks_again(kim, admin):
    services.request_passkey(kim.user, actor=admin)
    for _ in range(3):
        assert there(kim.enter_password()) == CREATE
        page = words(kim.client.get(CREATE))
        assert "Petra Vogt asks you to create one." in page
        assert "If you choose “Not now”, we ask again at your next login." in page
        assert there(kim.client.post(CREATE, {"later": "yes"})) == "/"
        assert kim.is_in
        kim.client.post("/logout/")
    assert audit_of(kim.user).count(("passkey_postponed", "kim")) == 3


def test_whoever_asked_for_it_themselves_reads_so(kim):
    services.request_passkey(kim.user, actor=kim.user)
    kim.enter_password()

    assert "You asked to be reminded to create one." in words(kim.client.get(CREATE))


def test_an_empty_answer_at_the_passkey_step_is_no_not_now(kim, admin):
    wait_at(CREATE, kim, admin)

    assert kim.client.post(CREATE, {}).status_code == 400
    assert kim.client.post(f"{CREATE}?later=yes", {}).status_code == 400
    assert kim.asked_for == CREATE


def test_row_6_once_created_nobody_asks_again(kim, admin):
    wait_at(CREATE, kim, admin)
    assert there(kim.create_passkey()) == "/"
    kim.client.post("/logout/")

    assert there(kim.enter_password()) == "/"
    assert kim.is_in
    assert not PasskeyRequest.objects.exists()


@pytest.mark.row("CS-MFA-4", "V1")
def test_an_existing_passkey_is_used_before_another_is_created(kim, admin):
    kim.add_passkey()
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    page = words(kim.client.get(CREATE))
    assert "You have a passkey already. Use it once, so that nobody else can add one." in page
    assert "Create a passkey" not in page.replace("Create a passkey ·", "")
    assert kim.json("/passkeys/registration/options/", {}).json() == {
        "error": "proof_required",
        "message": "First, use a passkey that you already have.",
    }
    assert kim.json("/passkeys/registration/", {"credential": {}}).status_code == 403

    assert there(kim.use_passkey()) == CREATE
    assert "Create a passkey" in words(kim.client.get(CREATE))
    assert there(kim.create_passkey()) == "/"
    assert kim.user.passkeys.count() == 2


@pytest.mark.row("V1")
def test_an_existing_passkey_is_used_before_an_app_is_set_up(kim, admin):
    kim.add_passkey()
    services.enable_two_factor(kim.user, actor=admin)
    assert there(kim.enter_password()) == CHALLENGE
    page = words(kim.client.get(CHALLENGE))
    assert "Confirm with your passkey that it is you. Then you are asked to set up two-factor authentication." in page
    assert "Don’t have your passkey with you? Your administrator can delete it." in page
    assert kim.enter_code("123456").status_code == 400, "there is no app whose code could count"
    assert there(kim.client.get(SETUP)) == CHALLENGE

    assert there(kim.use_passkey()) == SETUP


def test_a_passkey_sign_in_is_asked_for_the_passkey_that_was_requested(kim, admin):
    kim.add_passkey()
    services.request_passkey(kim.user, actor=admin)

    assert there(kim.use_passkey()) == CREATE
    assert there(kim.create_passkey()) == "/"


def test_without_2fa_somebody_with_a_passkey_still_signs_in_with_the_password(kim):
    kim.add_passkey()

    assert there(kim.enter_password()) == "/"
    assert kim.is_in


# --- next ---


@pytest.mark.row("B-34", "V26")
@pytest.mark.parametrize(
    ("wanted", "ends"),
    [
        ("/m2s/", "/m2s/"),
        ("/portal/?a=1&b=ü#c", "/portal/?a=1&b=%C3%BC#c"),
        ("https://evil.example/", "/"),
        ("//evil.example/", "/"),
        ("///evil.example/", "/"),
        ("/\\evil.example/", "/"),
        ("\\\\evil.example/", "/"),
        ("\t//evil.example/", "/"),
        ("/\t/evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("http:/evil.example", "/"),
        ("http:evil.example", "/"),
        ("portal/", "/"),
        ("%2f%2fevil.example", "/"),
        ("", "/"),
    ],
)
@pytest.mark.parametrize("way", ["form", "address"])
def test_next_survives_every_step_and_stays_on_this_site(kim_with_app, admin, wanted, ends, way):
    services.request_passkey(kim_with_app.user, actor=admin)
    if way == "form":
        kim_with_app.enter_password(next=wanted)
    else:
        page = kim_with_app.client.get("/login/", query_params={"next": wanted})
        found = re.search(r'name="next" value="([^"]*)"', page.content.decode())
        kim_with_app.enter_password(next=found[1].replace("&amp;", "&") if found else "")
    kim_with_app.enter_code()

    final = kim_with_app.client.post(CREATE, {"later": "yes", "next": "https://evil.example/"})

    assert there(final) == ends


def test_the_page_that_was_asked_for_opens_after_the_login(kim_with_app):
    start = kim_with_app.client.get("/m2s/")
    assert there(start) == "/login/?next=%2Fm2s%2F"
    kim_with_app.enter_password(next="/m2s/")

    assert there(kim_with_app.enter_code()) == "/m2s/"


def test_a_mail_that_led_to_what_the_login_asked_for_asks_for_it_once(kim, admin, clock):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    for wanted in (OWN_SETUP, "/user-settings/mfa/passkeys/new/"):
        kim.enter_password(next=wanted)
        if kim.asked_for == SETUP:
            confirm_setup(kim, open_setup(kim))
            kim.client.post(SAVE, {"saved": "on"})
        else:
            kim.enter_code()
        assert there(kim.client.post(CREATE, {"later": "yes"})) == "/"
        kim.client.logout()
        clock.shift(60)

    services.delete_passkey_request(kim.user, actor=admin)
    kim.enter_password(next=OWN_SETUP)  # of one's own accord it opens still
    assert there(kim.enter_code()) == OWN_SETUP


def test_next_of_an_earlier_login_is_forgotten(kim_with_app):
    kim_with_app.enter_password(next="/m2s/")
    kim_with_app.enter_password()

    assert there(kim_with_app.enter_code()) == "/"


# --- Any sequence of acts ---


def delete_a_passkey(kim: Person, admin: User) -> None:
    if passkey := kim.user.passkeys.first():
        services.delete_passkey(passkey, actor=admin)
        kim.authenticator.credentials = kim.authenticator.credentials[1:]


def enter_the_code(kim: Person, admin: User) -> None:
    if kim.app_key:
        AuthenticatorApp.objects.update(last_used_step=-1)  # as if half a minute had gone by
        kim.enter_code()


def enter_a_recovery_code(kim: Person, admin: User) -> None:
    codes = codes_on(kim.client.get(SAVE))
    if codes:
        kim.codes = codes
    if kim.codes:
        kim.enter_code(kim.codes.pop())


def set_up_the_app(kim: Person, admin: User) -> None:
    if kim.client.get(SETUP).status_code == 200:
        confirm_setup(kim, open_setup(kim))


def create_a_passkey(kim: Person, admin: User) -> None:
    if kim.json("/passkeys/registration/options/", {}).status_code == 200:
        kim.create_passkey()


def use_a_passkey(kim: Person, admin: User) -> None:
    if kim.authenticator.credentials and kim.user.passkeys.exists():
        kim.use_passkey()


def company_off(individuals: Individuals) -> Callable[[Person, User], object]:
    return lambda kim, admin: companies.disable_company_two_factor(
        company_of(kim), actor=admin, individuals=individuals
    )


def company_of(kim: Person) -> Company:
    assert kim.user.company
    kim.user.company.refresh_from_db()
    return kim.user.company


# What an administrator or Kim may do at any time; the site lets it through or not.
ACTS: dict[str, Callable[[Person, User], object]] = {
    "on": lambda kim, admin: services.enable_two_factor(kim.user, actor=admin),
    "off": lambda kim, admin: services.disable_two_factor(kim.user, actor=admin),
    "company on": lambda kim, admin: companies.enable_company_two_factor(company_of(kim), actor=admin),
    "company off": company_off(Individuals.STOP_ASKING),
    "company off, keep asking": company_off(Individuals.KEEP_ASKING),
    "request": lambda kim, admin: services.request_passkey(kim.user, actor=admin),
    "delete request": lambda kim, admin: services.delete_passkey_request(kim.user, actor=admin),
    "delete passkey": delete_a_passkey,
    "password": lambda kim, admin: kim.enter_password(),
    "code": enter_the_code,
    "recovery code": enter_a_recovery_code,
    "set up": set_up_the_app,
    "save codes": lambda kim, admin: kim.client.post(SAVE, {"saved": "on"}),
    "not now": lambda kim, admin: kim.client.post(CREATE, {"later": "yes"}),
    "create passkey": create_a_passkey,
    "use passkey": use_a_passkey,
    "sign out": lambda kim, admin: kim.client.post("/logout/"),
}


@given(st.lists(st.sampled_from(sorted(ACTS)), max_size=14))
@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_sequence_of_acts_and_proofs_lets_anybody_in_with_a_step_pending(kim, admin, company, acts):
    """At the moment somebody gets in, all that DESIGN demands is done; and nobody is ever sent in circles."""
    with transaction.atomic():
        person, was_in = Person(User.objects.get(pk=kim.user.pk)), False
        for what in acts:
            person.user = User.objects.select_related("company").get(pk=kim.user.pk)
            ACTS[what](person, admin)
            person.user = User.objects.select_related("company").get(pk=kim.user.pk)
            landed = person.client.get("/portal/", follow=True)
            assert landed.status_code == 200
            assert len(landed.redirect_chain) <= 2, (acts, what, landed.redirect_chain)
            is_in = landed.request["PATH_INFO"] == "/portal/"
            if is_in and (what == "password" or not was_in):
                assert_nothing_is_owed(person, acts)
            was_in = is_in
        transaction.set_rollback(True)


def assert_nothing_is_owed(person: Person, acts: list[str]) -> None:
    """In DESIGN's own words, for a login that just ended."""
    proved = {proof["method"] for proof in person.client.session["proofs"]}
    app = person.user.authenticator_apps.filter(confirmed=True).exists()
    assert app or not person.user.two_factor_required, acts
    if app:
        held = {"totp", "recovery"} | ({"passkey"} if person.user.passkeys.exists() else set())
        assert proved & held, acts
    if PasskeyRequest.objects.filter(user=person.user).exists():
        assert "passkey_postponed" in person.client.session, acts
    assert "unsaved_codes" not in person.client.session, acts
    if proved == {"passkey"}:
        assert person.user.passkeys.exists(), acts


def test_what_a_session_keeps_is_a_list_of_proofs_and_no_password(kim_with_app):
    """V4."""
    kim_with_app.enter_password()

    assert [proof["method"] for proof in kim_with_app.client.session["proofs"]] == ["password"]
    assert "login_complete" not in kim_with_app.client.session
    assert PASSWORD not in session_dump(kim_with_app)


def test_administrators_pages_stay_shut_to_an_administrator_half_way(admin, kim):
    petra = Person(admin)
    petra.set_up_app()
    petra.enter_password()

    for path in (
        window_of(kim.user),
        f"{window_of(kim.user)}two-factor/on/",
        f"{window_of(kim.user)}passkeys/request/",
    ):
        assert petra.client.post(path).headers["Location"].startswith("/login/")
    assert not User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert not PasskeyRequest.objects.exists()
    assert there(petra.client.post(NEW_CODES)).startswith("/login/")


# --- How many steps there are ---


def step_shown(answer: Any) -> str:
    """ "1 of 3", where a page counts."""
    found = re.search(r"Step (\d of \d)", words(answer))
    return found[1] if found else ""


@pytest.mark.parametrize("requested", [True, False])
def test_the_steps_are_counted_to_the_end(kim, admin, requested):
    services.enable_two_factor(kim.user, actor=admin)
    if requested:
        services.request_passkey(kim.user, actor=admin)
    last = 2 + requested
    kim.enter_password()

    assert step_shown(kim.client.get(SETUP)) == f"1 of {last}"
    confirm_setup(kim, open_setup(kim))
    assert step_shown(kim.client.get(SAVE)) == f"2 of {last}"
    after = kim.client.post(SAVE, {"saved": "on"}).headers["Location"]
    assert after == (CREATE if requested else "/")
    if requested:
        assert step_shown(kim.client.get(CREATE)) == "3 of 3"
        assert kim.client.post(CREATE, {"later": "yes"}).headers["Location"] == "/"
    assert "steps_done" not in kim.client.session


def test_a_step_alone_is_not_counted_and_a_login_begins_anew(kim, admin):
    services.request_passkey(kim.user, actor=admin)
    for _login in range(2):
        kim.enter_password()
        assert step_shown(kim.client.get(CREATE)) == ""
        kim.client.post(CREATE, {"later": "yes"})
        kim.client.post("/logout/")


def test_setting_up_again_says_what_is_set_up_again(kim_with_app):
    kim_with_app.sign_in()

    assert "Set up your authenticator app again" in words(kim_with_app.client.get(OWN_SETUP))
    assert "Set up the app again" in words(kim_with_app.client.get(OWN))


def test_setting_up_for_the_first_time_does_not(kim):
    kim.sign_in()

    assert "again" not in words(kim.client.get(OWN_SETUP)).partition("Signed in as")[0]
