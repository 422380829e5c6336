"""Bugs published elsewhere: people, rules, and what is written down."""

from __future__ import annotations

import pytest

from accounts.models import Role, User
from audit.models import AuditEvent
from companies import services as companies
from mfa import services
from tests.accounts.steps import HALF_WAY, finish, go_half_way
from tests.audit import forget
from tests.mfa.pages import (
    CHALLENGE,
    OWN,
    SETUP,
    window_of,
)
from tests.people import PASSWORD, browser
from tests.scenes import (
    acts_on,
    is_shut,
    things,
)

USERS = "/settings/administration/users/"
CONFIRM = "/confirm/"


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
    own = {"first_name": "Kim", "last_name": "Hansen", "email": "kim@elsewhere.example", "language": ""}
    kim.client.post("/user-settings/", own | {"company": str(other_company.pk), "role": "administrator"})
    kim.user.refresh_from_db()
    assert kim.user.company != other_company
    assert kim.user.role == Role.MEMBER

    profile = {"username": "kim", "email": "kim@elsewhere.example", "role": "member", "company": str(other_company.pk)}
    administrator.client.post(f"{USERS}{kim.user.pk}/", profile | {"first_name": "", "last_name": ""})
    kim.client.post("/logout/")
    kim.enter_password()
    assert kim.asked_for == SETUP


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
