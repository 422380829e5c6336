"""Who gets where: every address, every role, and people half-way through their login."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from accounts.models import Role, Session, User
from companies.models import Company
from mfa import services
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import Page, everything, pages
from tests.people import Person, browser

PUBLIC = {
    "login",
    "login_challenge",
    "login_setup_password",
    "login_setup_two_factor",
    "login_setup_recovery_codes",
    "login_setup_passkey",
    "logout",
    "passkey_authentication_options",
    "passkey_authentication",
    "passkey_registration_options",
    "passkey_registration",
    "change_password",
    "password_reset",
    "password_reset_sent",
    "accessibility",
    "password_reset_confirm",
    "link_in_a_sentence",
    "invitation",
    "not_me",
    "address",
    "csp_report",
}
FORM = "application/x-www-form-urlencoded"

# What a GET answers to a stranger, a member, a company administrator and an administrator who confirmed
# who they are just now, where the address is about people and things that they may reach.
ACCESS = {
    "home": (302, 302, 302, 302),
    "portal": (302, 200, 200, 200),
    "m2s": (302, 200, 200, 200),
    "settings:home": (302, 403, 200, 200),
    "settings:rule_on": (302, 403, 403, 200),
    "settings:rule_off": (302, 403, 403, 200),
    "settings:users": (302, 403, 200, 200),
    "settings:user_new": (302, 403, 200, 200),
    "settings:user_export": (302, 403, 405, 405),
    "settings:bulk": (302, 403, 405, 405),
    "settings:bulk_stop": (302, 403, 405, 405),
    "settings:bulk_names": (302, 403, 200, 200),
    "settings:bulk_run": (302, 403, 404, 404),  # they began none
    "settings:bulk_skipped": (302, 403, 405, 405),
    "settings:user_import": (302, 403, 200, 200),
    "settings:user_import_file": (302, 403, 404, 404),  # they sent none
    "settings:user_import_errors": (302, 403, 404, 404),
    "settings:company_export": (302, 403, 405, 405),
    "settings:user": (302, 403, 200, 200),
    "settings:user_deactivate": (302, 403, 200, 200),
    "settings:user_activate": (302, 403, 200, 200),
    "settings:user_erase": (302, 403, 200, 200),
    "settings:user_file": (302, 403, 405, 405),
    "own_file": (302, 405, 405, 405),
    "settings:user_lock": (302, 403, 200, 200),
    "settings:user_let_in": (302, 403, 302, 302),  # nobody is locked here
    "settings:user_lost_phone": (302, 403, 200, 200),
    "settings:user_access_pass": (302, 403, 200, 200),
    "settings:user_pass_withdraw": (302, 403, 200, 200),
    "settings:user_sign_out": (302, 403, 200, 200),
    "settings:user_password_reset": (302, 403, 200, 200),
    "settings:user_invite": (302, 403, 405, 405),
    "settings:user_unlock": (302, 403, 405, 405),
    "settings:user_session_end": (302, 403, 405, 405),
    "settings:user_remind": (302, 403, 405, 405),
    "settings:user_withdraw": (302, 403, 405, 405),
    "settings:address_withdraw": (302, 403, 405, 405),
    "settings:user_mfa:window": (302, 403, 200, 200),
    "settings:user_mfa:two_factor_on": (302, 403, 200, 200),
    "settings:user_mfa:two_factor_off": (302, 403, 200, 200),
    "settings:user_mfa:passkey_request": (302, 403, 405, 405),
    "settings:user_mfa:passkey_request_delete": (302, 403, 405, 405),
    "settings:user_mfa:passkey_delete": (302, 403, 200, 200),
    "settings:companies": (302, 403, 200, 200),
    "settings:company_names": (302, 403, 200, 200),
    "settings:company_new": (302, 403, 403, 200),
    "settings:company": (302, 403, 200, 200),
    "settings:company_edit": (302, 403, 200, 200),
    "settings:company_on": (302, 403, 200, 200),
    "settings:company_off": (302, 403, 200, 200),
    "settings:company_sign_out": (302, 403, 200, 200),
    "settings:company_pass_on": (302, 403, 200, 200),
    "settings:company_pass_off": (302, 403, 200, 200),
    "settings:activity": (302, 403, 200, 200),
    "settings:activity_export": (302, 403, 405, 405),
    "settings:past_day": (302, 403, 200, 200),
    "settings:past_day_export": (302, 403, 405, 405),
    "user_settings": (302, 200, 200, 200),
    "password": (302, 200, 200, 200),
    "session": (302, 200, 200, 200),
    "address_withdraw": (302, 405, 405, 405),
    "session_end": (302, 405, 405, 405),
    "sessions_end_others": (302, 405, 405, 405),
    "login": (200, 302, 302, 302),
    "login_challenge": (302, 302, 302, 302),
    "login_setup_password": (302, 302, 302, 302),
    "login_setup_two_factor": (302, 302, 302, 302),
    "login_setup_recovery_codes": (302, 302, 302, 302),
    "login_setup_passkey": (302, 302, 302, 302),
    "logout": (405, 405, 405, 405),
    "confirm": (302, 200, 200, 200),
    "confirm_continue": (302, 410, 410, 410),
    "passkey_authentication_options": (405, 405, 405, 405),
    "passkey_authentication": (405, 405, 405, 405),
    "passkey_registration_options": (405, 405, 405, 405),
    "passkey_registration": (405, 405, 405, 405),
    "own_two_factor": (302, 200, 200, 200),
    "own_recovery_codes": (302, 302, 302, 302),
    "own_passkey_new": (302, 200, 200, 200),
    "own_mfa:window": (302, 200, 200, 200),
    "own_mfa:two_factor_on": (302, 200, 200, 200),
    "own_mfa:two_factor_off": (302, 200, 200, 200),
    "own_mfa:passkey_request": (302, 405, 405, 405),
    "own_mfa:passkey_request_delete": (302, 405, 405, 405),
    "own_mfa:passkey_delete": (302, 200, 200, 200),
    "own_mfa:passkey_rename": (302, 200, 200, 200),
    "own_mfa:new_codes": (302, 302, 302, 302),
    "change_password": (302, 302, 302, 302),
    "password_reset": (200, 200, 200, 200),
    "password_reset_sent": (200, 200, 200, 200),
    "accessibility": (200, 200, 200, 200),
    "csp_report": (405, 405, 405, 405),
}
# Pages of the login and links in mails are for nobody in particular: each has tests of its own.
LINKS = {"link_in_a_sentence", "password_reset_confirm", "invitation", "not_me", "address"}

# What opens without confirming who one is, for as long as the session lives.
LOOKING = {
    "home",
    "portal",
    "m2s",
    "settings:home",
    "settings:users",
    "settings:user_mfa:window",
    "settings:companies",
    "settings:company_names",
    "settings:company",
    "settings:activity",
    "settings:past_day",
    "user_settings",
    "confirm",
    "confirm_continue",
    "session",
    "own_mfa:window",
}


def guarded() -> list[Page]:
    return [page for page in pages() if not page.public]


def under_settings() -> list[Page]:
    return [page for page in pages() if page.name.startswith("settings:")]


def in_turn(client, asked):
    """What GET and POST answer on each of `asked`: {(name, method): response}. Nothing is followed."""
    return {
        (page.name, method): client.generic(method, path) for page, path in asked.items() for method in ("GET", "POST")
    }


# --- The site as a whole ---


def test_what_strangers_may_open_is_this_list():
    assert {page.name for page in pages() if page.public} == PUBLIC


def test_every_address_has_one_name_and_one_path():
    everywhere = pages()

    assert len({page.name for page in everywhere}) == len(everywhere)
    assert len({page.pattern for page in everywhere}) == len(everywhere)


@pytest.mark.row("DJ-02", "V29")
def test_no_view_is_exempt_from_csrf_protection():
    assert [page.name for page in pages() if getattr(page.view, "csrf_exempt", False)] == ["csp_report"]


@pytest.mark.row("ASVS-8.1.1")
def test_the_table_of_access_names_every_address():
    assert set(ACCESS) == {page.name for page in pages()} - LINKS


@pytest.mark.row("ASVS-8.2.1")
@pytest.mark.parametrize("column", range(4), ids=["stranger", "member", "company_administrator", "administrator"])
def test_each_role_gets_what_the_table_of_access_says(column, make_person, kim, company):
    role = [None, Role.MEMBER, Role.COMPANY_ADMINISTRATOR, Role.ADMINISTRATOR][column]
    theirs = kim.add_passkey()
    client, own = browser(), None
    if role:
        who = make_person("sam", role=role, company=None if role == Role.ADMINISTRATOR else company)
        own, client = who.add_passkey(), who.client
        assert who.use_passkey().status_code == 200

    answers = {}
    for page in pages():
        passkey = own if own and page.name.startswith("own_mfa:") else theirs
        path = page.path(user_id=kim.user.pk, company_id=company.pk, passkey_id=passkey.pk)
        answers[page.name] = client.get(path).status_code

    assert {name: answers[name] for name in ACCESS} == {name: row[column] for name, row in ACCESS.items()}


# --- Strangers and people half-way through their login ---


@pytest.fixture
def claimant(make_person, admin):
    """Somebody whose password was right, at a step of `HALF_WAY`."""
    return lambda kind: go_half_way(make_person("clara"), kind, admin)


@pytest.mark.row("DJ-10")
def test_a_stranger_is_sent_to_the_login_from_every_guarded_address(kim, company):
    before = everything()
    client = browser()

    answers = in_turn(client, {page: page.path(user_id=kim.user.pk, company_id=company.pk) for page in guarded()})

    paths = {page.name: page.path(user_id=kim.user.pk, company_id=company.pk) for page in guarded()}
    assert {key: answer.headers.get("Location") for key, answer in answers.items()} == {
        (name, method): f"/login/?next={quote(paths[name], safe='')}" if method == "GET" else "/login/"
        for name, method in answers
    }
    assert everything() == before
    assert not Session.objects.filter(user__isnull=False).exists()


@pytest.mark.parametrize("accept", ["application/json", "json body", "htmx"])
def test_a_strangers_script_is_told_to_sign_in_and_not_redirected(accept, kim, company):
    headers: dict[str, Any] = {"HTTP_ACCEPT": "application/json"} if accept == "application/json" else {}
    headers |= {"HTTP_HX_REQUEST": "true"} if accept == "htmx" else {}
    kind = "application/json" if accept == "json body" else "text/plain"
    client = browser()

    for page in guarded():
        path = page.path(user_id=kim.user.pk, company_id=company.pk)
        for method in ("GET", "POST"):
            answer = client.generic(method, path, "{}", kind, **headers)
            assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_required"), page.name
            assert ("HX-Redirect" in answer.headers) == (accept == "htmx")


@pytest.mark.row("ASVS-2.3.1")
@pytest.mark.parametrize("step", HALF_WAY)
def test_no_step_of_the_login_opens_before_its_turn(step, claimant):
    person = claimant(step)
    here = HALF_WAY[step]
    before = everything()

    for path in dict.fromkeys(HALF_WAY.values()):
        if path != here:
            for method in ("GET", "POST"):
                answer = person.client.generic(method, path, "saved=on&later=&code=123456")
                assert (answer.status_code, answer.headers["Location"]) == (302, here)
            told = person.client.post(path, {}, content_type="application/json")
            assert (told.status_code, told.json()) == (403, {"error": "not_this_step", "next": here})

    assert everything() == before
    assert not person.is_in


@pytest.mark.row("V1")
@pytest.mark.parametrize("step", ["challenge", "challenge by passkey alone", "set-up", "recovery codes"])
def test_no_passkey_is_added_while_another_step_of_the_login_is_due(step, claimant):
    person = claimant(step)
    before = everything()

    for path in ("/passkeys/registration/options/", "/passkeys/registration/"):
        answer = person.json(path, {"credential": {}})
        assert (answer.status_code, answer.json()["error"]) == (403, "not_this_step")

    assert everything() == before


def test_a_stranger_adds_no_passkey(db):
    for path in ("/passkeys/registration/options/", "/passkeys/registration/"):
        answer = browser().post(path, {}, content_type="application/json")
        assert (answer.status_code, answer.json()["error"]) == (401, "sign_in_required")


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "DELETE", "TRACE"])
def test_no_other_method_opens_a_guarded_address_to_strangers_or_people_half_way(method, claimant, company):
    half_way = claimant("challenge")
    before = everything()

    for client in (browser(), half_way.client):
        for page in guarded():
            answer = client.generic(method, page.path(user_id=half_way.user.pk, company_id=company.pk))
            assert answer.status_code == 302, page.name
            assert answer.headers["Location"].startswith("/login/")

    assert everything() == before


@pytest.mark.row("B-41", "B-54")
@pytest.mark.parametrize(
    "path",
    [
        "/login/../portal/",
        "/login/..%2fportal/",
        "/login%2f..%2fportal/",
        "/static/../portal/",
        "/portal/;x",
        "/portal/.css",
        "/PORTAL/",
        "/login/portal/",
        "/user-settings/x.css",
        "/user-settings/mfa/style.css",
        "/.git/config",
        "/admin/",
    ],
)
def test_an_odd_path_is_not_a_page(path, claimant, kim):
    half_way = claimant("challenge")
    kim.sign_in()

    for client in (browser(), half_way.client, kim.client):
        assert client.get(path).status_code == 404


# --- Members, and the Settings app ---


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"])
def test_a_member_is_refused_by_everything_under_settings(method, kim, make_user, company):
    theirs = make_user("lee")
    kim.sign_in()
    before = everything()

    for page in under_settings():
        answer = kim.client.generic(method, page.path(user_id=theirs.pk, company_id=company.pk))
        assert answer.status_code == 403, page.name
    assert kim.client.get(f"/settings/administration/users/{kim.user.pk}/mfa/").status_code == 403

    assert everything() == before


def test_a_members_script_is_told_that_the_settings_app_is_closed(kim, company):
    kim.sign_in()

    for page in under_settings():
        path = page.path(user_id=kim.user.pk, company_id=company.pk)
        for headers in ({"HTTP_ACCEPT": "application/json"}, {"HTTP_HX_REQUEST": "true"}):
            answer = kim.client.get(path, **headers)
            assert (answer.status_code, answer.json()) == (403, {"error": "no_access"}), page.name


def test_a_member_who_is_refused_is_shown_the_way_to_the_portal_and_to_their_own_settings(kim):
    kim.sign_in()

    page = kim.client.get("/settings/").content.decode()

    assert "You have no access to the Settings app" in page
    assert 'href="/portal/"' in page
    assert 'href="/user-settings/"' in page
    for app in ("/portal/", "/m2s/"):
        assert 'href="/user-settings/"' in kim.client.get(app).content.decode()
        assert 'href="/settings/"' not in kim.client.get(app).content.decode()


@pytest.mark.row("ASVS-8.3.2")
def test_a_role_taken_away_is_gone_with_the_next_request(company_admin, administrator):
    carla = Person(company_admin)
    carla.sign_in()
    assert carla.client.get("/settings/").status_code == 200

    answer = administrator.client.post(
        f"/settings/administration/users/{company_admin.pk}/",
        {
            "username": "carla",
            "first_name": "Carla",
            "last_name": "Reyes",
            "email": company_admin.email,
            "company": str(company_admin.company_id),
            "role": Role.MEMBER,
        },
    )

    assert answer.status_code == 302
    assert carla.client.get("/settings/").headers["Location"] == "/login/?next=%2Fsettings%2F"
    carla.sign_in()
    assert carla.client.get("/settings/").status_code == 403


# --- Company administrators, and what is not theirs ---


@pytest.fixture
def strangers_things(make_person, company, other_company, admin):
    """What Carla must never reach: (user, company, passkey) of another company, of administrators, of nobody."""
    found = []
    for username, role, firm in (
        ("xaver", Role.MEMBER, other_company),
        ("xenia", Role.COMPANY_ADMINISTRATOR, other_company),
        ("ada", Role.ADMINISTRATOR, company),
        ("alan", Role.ADMINISTRATOR, None),
    ):
        person = make_person(username, role=role, company=firm)
        person.set_up_app()
        passkey = person.add_passkey()
        services.request_passkey(person.user, actor=admin)
        found.append((person.user.pk, other_company.pk, passkey.pk))
    return found


@pytest.mark.row("B-35")
def test_what_is_not_theirs_does_not_exist_for_a_company_administrator(company_admin, strangers_things):
    carla = Person(company_admin)
    carla.sign_in()
    before = everything()

    for user_id, company_id, passkey_id in strangers_things:
        for page in pages():
            if page.has("user_id") or page.has("company_id") or page.has("passkey_id"):
                path = page.path(user_id=user_id, company_id=company_id, passkey_id=passkey_id)
                for method in page.methods:
                    answer = carla.client.generic(method, path, "sign_out=on&keep=on&name=x", FORM)
                    assert answer.status_code == 404, (page.name, method)

    assert everything() == before


@pytest.mark.row("B-35")
def test_forms_full_of_good_values_change_nobody_elses_things(company_admin, strangers_things, company):
    carla = Person(company_admin)
    carla.sign_in()
    before = everything()

    for user_id, company_id, _passkey in strangers_things:
        profile = {"username": "stolen", "email": "stolen@acme.example", "role": "member", "company": company.pk}
        answer = carla.client.post(f"/settings/administration/users/{user_id}/", profile)
        assert answer.status_code == 404
        answer = carla.client.post(f"/settings/administration/companies/{company_id}/edit/", {"name": "Stolen"})
        assert answer.status_code == 404

    assert everything() == before


@pytest.mark.row("V2")
def test_a_passkey_is_found_only_beside_its_own_owner(company_admin, kim, make_person):
    carla, lee = Person(company_admin), make_person("lee")
    passkey = lee.add_passkey()
    carla.sign_in()
    before = everything()

    path = f"/settings/administration/users/{kim.user.pk}/mfa/passkeys/{passkey.pk}/delete/"
    assert carla.client.get(path).status_code == 404
    assert carla.client.post(path).status_code == 404
    assert everything() == before


@pytest.mark.row("V2")
def test_nobody_deletes_or_renames_somebody_elses_passkey_as_their_own(kim, administrator, make_person):
    passkey = make_person("lee").add_passkey()
    kim.sign_in()
    before = everything()

    for client in (kim.client, administrator.client):
        for act in ("delete", "rename"):
            path = f"/user-settings/mfa/passkeys/{passkey.pk}/{act}/"
            assert client.get(path).status_code == 404
            assert client.post(path, {"name": "Mine"}).status_code == 404

    assert everything() == before


def test_a_company_administrator_sees_nobody_elses_people_and_companies(company_admin, strangers_things, kim):
    carla = Person(company_admin)
    carla.sign_in()

    pages_seen = [
        carla.client.get(path).content.decode()
        for path in (
            "/settings/",
            "/settings/administration/users/",
            "/settings/administration/users/?q=x",
            f"/settings/administration/users/?company={strangers_things[0][1]}",
            "/settings/administration/companies/",
            "/settings/administration/companies/?q=nordwind",
        )
    ]

    for page in pages_seen:
        assert "Nordwind" not in page
        for name in ("xaver", "xenia", "alan"):
            assert name not in page
        assert ">ada<" not in page
    assert "kim" in pages_seen[1]


@pytest.mark.row("B-36")
@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"role": "administrator"}, 400),
        ({"role": "owner"}, 400),
        ({"role": ["member", "administrator"]}, 400),
    ],
)
def test_a_company_administrator_makes_nobody_an_administrator(more, status, company_admin, kim):
    carla = Person(company_admin)
    carla.sign_in()
    before = everything()
    profile = {"username": "kim", "first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example", **more}

    answer = carla.client.post(f"/settings/administration/users/{kim.user.pk}/", profile)
    assert answer.status_code == status
    answer = carla.client.post("/settings/administration/users/new/", profile | {"username": "new", "email": ""})
    assert answer.status_code == status

    assert everything() == before


@pytest.mark.row("B-36")
@pytest.mark.parametrize("username", ["carla", "petra"])
def test_nobody_changes_their_own_role(username, company_admin, administrator):
    person = Person(company_admin) if username == "carla" else administrator
    if username == "carla":
        person.sign_in()
    role = person.user.role
    profile = {"username": username, "email": f"{username}@acme.example"}

    for wished in Role.values:
        person.client.post(f"/settings/administration/users/{person.user.pk}/", profile | {"role": wished})

    person.user.refresh_from_db()
    assert person.user.role == role


@pytest.mark.row("ASVS-8.2.3", "ASVS-15.3.3", "B-38")
def test_fields_that_are_not_in_a_form_are_ignored(company_admin, kim, other_company):
    carla = Person(company_admin)
    carla.sign_in()
    forged = {
        "company": other_company.pk,
        "company_id": other_company.pk,
        "is_active": "",
        "is_staff": "on",
        "is_superuser": "on",
        "mfa_required": "false",
        "two_factor_enabled": "on",
        "password": "chosen by Carla",
        "new_password1": "chosen by Carla",
        "session_epoch": "99",
        "id": carla.user.pk,
    }
    before = everything("AuditEvent")["User"]

    profile = {"username": "kim", "first_name": "Kim", "last_name": "Hansen", "email": "kim@acme.example"}
    answer = carla.client.post(f"/settings/administration/users/{kim.user.pk}/", profile | {"role": "member"} | forged)
    assert answer.status_code == 302
    assert everything("AuditEvent")["User"] == before

    answer = carla.client.post(
        "/settings/administration/users/new/", profile | {"username": "new", "email": "", "role": "member"} | forged
    )
    made = User.objects.get(username="new", company=carla.user.company)
    assert made.is_active
    assert not made.two_factor_enabled
    assert not made.has_usable_password()


@pytest.mark.row("ASVS-8.2.3", "ASVS-15.3.3", "B-38")
def test_own_settings_change_neither_company_nor_role_nor_switch(kim, other_company):
    kim.sign_in()
    before = everything("AuditEvent")["User"]

    answer = kim.client.post(
        "/user-settings/",
        {
            "first_name": "Kim",
            "last_name": "Hansen",
            "email": "kim@acme.example",
            "language": "",
            "username": "petra",
            "company": other_company.pk,
            "role": "administrator",
            "two_factor_enabled": "on",
            "is_active": "",
            "password": "another password",
        },
    )

    assert answer.status_code == 302
    assert everything("AuditEvent")["User"] == before


@pytest.mark.row("CS-TEN-1")
def test_no_header_and_no_field_names_the_company(company_admin, other_company, make_user):
    make_user("xaver", company=other_company)
    carla = Person(company_admin)
    carla.sign_in()
    headers: dict[str, Any] = {"HTTP_X_COMPANY": str(other_company.pk), "HTTP_X_TENANT": str(other_company.pk)}

    page = carla.client.get(f"/settings/administration/users/?company_id={other_company.pk}", **headers)

    assert "xaver" not in page.content.decode()


def test_a_company_administrator_without_a_company_manages_nobody(make_person, kim):
    nobodys = make_person("nora", role=Role.COMPANY_ADMINISTRATOR, company=None)
    nobodys.sign_in()

    assert nobodys.client.get("/settings/").status_code == 200
    assert nobodys.client.get(f"/settings/administration/users/{kim.user.pk}/").status_code == 404
    assert str(kim.user.pk) not in nobodys.client.get("/settings/administration/users/").content.decode()


def test_a_deactivated_administrator_manages_nothing(admin, kim, company):
    admin.is_active = False

    assert list(type(admin).objects.managed_by(admin)) == []
    assert list(Company.objects.managed_by(admin)) == []


@pytest.mark.row("CS-MFA-1", "V21")
def test_what_changes_how_people_get_in_asks_who_it_is_after_fifteen_minutes(time_machine, administrator, kim, company):
    time_machine.move_to(administrator.user.created_at.timestamp() + 15 * 60 + 60)
    paths = {page.name: page.path(user_id=kim.user.pk, company_id=company.pk) for page in guarded()}
    before = everything()

    asked = {
        (name, method): administrator.client.generic(method, path).headers.get("Location", "").startswith("/confirm/")
        for name, path in paths.items()
        for method in ("GET", "POST")
    }

    assert {name for (name, method), ask in asked.items() if method == "GET" and not ask} == LOOKING
    assert {name for (name, method), ask in asked.items() if method == "POST" and not ask} == LOOKING - {
        "user_settings"
    }
    assert everything() == before
