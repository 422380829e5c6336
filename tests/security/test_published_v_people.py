"""Bugs published elsewhere, V20 to V38: people, rules, and what is written down."""

from __future__ import annotations

import pytest
from django.test import Client

from accounts.models import Role, User
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from tests.accounts.steps import HALF_WAY, finish, go_half_way
from tests.accounts.walk import pages
from tests.audit import forget
from tests.mfa.pages import (
    CHALLENGE,
    CREATE,
    OWN,
    SETUP,
    window_of,
)
from tests.people import AGENT, PASSWORD, Person, browser
from tests.security.scenes import (
    AUTHENTICATION,
    REGISTRATION,
    acts_on,
    is_shut,
    things,
)

USERS = "/settings/administration/users/"
CONFIRM = "/confirm/"
QUARTER = 15 * 60 + 1


# --- Administrators ---


@pytest.mark.row("V20")
def test_one_rule_guards_page_form_and_script(carla, foreigners):
    before = things()

    for person in foreigners:
        for path in [*acts_on(person.user), window_of(person.user), f"{USERS}{person.user.pk}/"]:
            page = carla.client.get(path)
            assert page.status_code in {404, 405}, path
            assert carla.client.post(path, {"sign_out": "on", "role": "member"}).status_code in {404, 405}, path
            for headers in ({"HTTP_ACCEPT": "application/json"}, {"HTTP_HX_REQUEST": "true"}):
                assert carla.client.get(path, **headers).status_code in {404, 405}, path
    listed = carla.client.get(f"{USERS}?show=set_up").content.decode()

    assert not [person for person in foreigners if person.user.username in listed]
    assert things() == before


@pytest.mark.row("V21")
@pytest.mark.parametrize("by", ["owner", "administrator"])
def test_every_removal_asks_for_a_fresh_proof(by, clock, kim_with_app, administrator, admin):
    kim = kim_with_app
    passkey = kim.add_passkey()
    kim.enter_password()
    kim.enter_code(kim.codes[0])
    services.request_passkey(kim.user, actor=admin)
    clock.shift(QUARTER)
    who, window = (kim, OWN) if by == "owner" else (administrator, window_of(kim.user))
    before = things()

    for act in ("two-factor/off/", f"passkeys/{passkey.pk}/delete/", "passkeys/request/delete/"):
        assert who.client.post(f"{window}{act}").headers["Location"].startswith(CONFIRM), act
        told = who.client.post(f"{window}{act}", HTTP_ACCEPT="application/json")
        assert (told.status_code, told.json()["error"]) == (403, "confirmation_required")

    assert things() == before


# --- Passwords and invitations ---


@pytest.mark.row("V23")
def test_nobody_signs_in_as_an_invited_person(make_person, admin, administrator):
    omar = make_person("omar", password=None)
    for password in ("", "!", PASSWORD, "omar", omar.user.password):
        assert omar.enter_password(password).status_code == 400
    assert is_shut(omar)

    fresh = {"username": "nele", "first_name": "", "last_name": "", "role": "member", "email": "nele@acme.example"}
    administrator.client.post(f"{USERS}new/", fresh | {"company": str(omar.user.company_id), "password": PASSWORD})
    assert browser().post("/login/", {"username": "nele", "password": PASSWORD}).status_code == 400
    browser().post("/password-reset/", {"email": "nele@acme.example"})
    assert not User.objects.get(username="nele").has_usable_password()


# --- Codes, ways on ---


@pytest.mark.row("V26")
@pytest.mark.parametrize("there", ["https://evil.example/x", "//evil.example", "/\\evil.example"])
def test_next_through_every_step_stays_here(there, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)

    kim.enter_password(next=there)
    assert finish(kim).headers["Location"] == "/"
    kim.client.post("/logout/")
    kim.enter_password(next="/m2s/")
    kim.enter_code(kim.code(1))
    assert kim.client.post(CREATE, {"later": "yes"}).headers["Location"] == "/m2s/", "and what is here is reached"


@pytest.mark.row("V27")
@pytest.mark.parametrize("step", ["nobody", *HALF_WAY, "in"])
def test_no_circles_and_scripts_get_codes(step, kim, admin):
    if step == "in":
        kim.sign_in()
    elif step != "nobody":
        go_half_way(kim, step, admin)

    for path in ("/", "/portal/", "/login/", *HALF_WAY.values(), CONFIRM):
        landed = kim.client.get(path, follow=True)
        assert landed.status_code == 200, path
        assert len(landed.redirect_chain) <= 4, path
        assert kim.client.head(path).status_code in {200, 302}
        assert kim.client.options(path).status_code in {302, 405, 200}
    for headers in ({"HTTP_ACCEPT": "application/json"}, {"HTTP_HX_REQUEST": "true"}):
        answer = kim.client.post("/portal/", **headers)
        assert answer.status_code == (405 if step == "in" else 401)
        assert answer.json()["error"]


@pytest.mark.row("V29")
def test_ceremonies_are_posts_with_a_token(kim):
    kim.add_passkey()
    strict = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000", HTTP_USER_AGENT=AGENT)
    for path in (AUTHENTICATION, f"{AUTHENTICATION}options/", REGISTRATION, f"{REGISTRATION}options/"):
        for method in ("get", "head", "put", "delete"):
            assert getattr(kim.client, method)(path).status_code == 405, path
        assert strict.post(path, {}, content_type="application/json").status_code == 403, path
    exempt = [page.name for page in pages() if getattr(page.view, "csrf_exempt", False)]
    assert exempt == ["csp_report"], "which browsers send by themselves, and which changes nothing"
    secret = ("<code", "<key", "<secret", "<password")
    assert not [page.pattern for page in pages() if any(part in page.pattern for part in secret)]


# --- Names, companies, rules ---


@pytest.mark.row("V30")
def test_a_new_name_keeps_app_and_passkey(kim_with_app, administrator):
    kim = kim_with_app
    kim.add_passkey()
    profile = {"username": "kim.hansen", "first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example"}
    administrator.client.post(
        f"{USERS}{kim.user.pk}/", profile | {"role": "member", "company": str(kim.user.company_id)}
    )
    kim.user.refresh_from_db()
    assert kim.user.username == "kim.hansen"

    kim.enter_password()
    assert kim.asked_for == CHALLENGE
    assert kim.enter_code().headers["Location"] == "/"
    kim.client.post("/logout/")
    assert kim.use_passkey().status_code == 200
    assert browser().post("/login/", {"username": "kim", "password": PASSWORD}).status_code == 400


@pytest.mark.row("V31")
def test_people_cannot_change_their_company_and_a_move_brings_its_rule(kim, administrator, other_company):
    companies.enable_company_two_factor(other_company, actor=administrator.user)
    kim.sign_in()
    own = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@elsewhere.example", "language": "en"}
    kim.client.post("/user-settings/", own | {"company": str(other_company.pk), "role": "administrator"})
    kim.user.refresh_from_db()
    assert kim.user.company != other_company
    assert kim.user.role == Role.MEMBER

    profile = {"username": "kim", "email": "kim@elsewhere.example", "role": "member", "company": str(other_company.pk)}
    administrator.client.post(f"{USERS}{kim.user.pk}/", profile | {"first_name": "", "last_name": ""})
    kim.client.post("/logout/")
    kim.enter_password()
    assert kim.asked_for == SETUP


@pytest.mark.row("V36")
@pytest.mark.parametrize("rule", ["own switch", "company", "request"])
def test_off_frees_at_once(rule, kim, company, admin):
    if rule == "company":
        companies.enable_company_two_factor(company, actor=admin)
    elif rule == "own switch":
        services.enable_two_factor(kim.user, actor=admin)
    else:
        services.request_passkey(kim.user, actor=admin)
    waiting = Person(kim.user)
    waiting.enter_password()
    assert is_shut(waiting)

    if rule == "company":
        companies.disable_company_two_factor(company, actor=admin)
    elif rule == "own switch":
        services.disable_two_factor(kim.user, actor=admin)
    else:
        services.delete_passkey_request(kim.user, actor=admin)

    kim.enter_password()
    assert kim.is_in
    assert waiting.is_in, "somebody half-way too"


@pytest.mark.row("V37")
def test_whoever_switches_a_rule_on_still_gets_in(carla, company):
    path = f"/settings/administration/companies/{company.pk}/two-factor/on/"
    assert carla.client.post(path, {"sign_out": "on"}).status_code == 302
    assert is_shut(carla)

    carla.enter_password()
    assert carla.asked_for == SETUP
    finish(carla)
    assert carla.is_in
    assert carla.client.get("/settings/").status_code == 200


@pytest.mark.row("V38")
def test_one_act_is_one_line_from_every_route(kim, administrator, admin):
    def line(act):
        forget()
        User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=False)
        act()
        [found] = AuditEvent.objects.filter(action__startswith="two_factor")
        return found.action, found.subject, found.company, found.details

    kim.sign_in()
    routes = [
        lambda: administrator.client.post(f"{window_of(kim.user)}two-factor/on/"),
        lambda: administrator.client.post(f"{window_of(kim.user)}two-factor/on/", HTTP_HX_REQUEST="true"),
        lambda: kim.client.post(f"{OWN}two-factor/on/"),
        lambda: services.enable_two_factor(User.objects.get(pk=kim.user.pk), actor=admin),
    ]

    told = [line(route) for route in routes]

    changes = {"changes": {"two_factor_enabled": [False, True]}}
    assert told == [("two_factor_enabled", kim.user, kim.user.company, changes)] * len(routes)
