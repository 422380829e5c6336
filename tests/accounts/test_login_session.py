"""The login session: proofs, keys that change, ten minutes half-way, `next`, what scripts are told, and signing out."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

import pytest

from accounts import login
from accounts.models import Session
from accounts.sessions.store import stored_as
from audit.models import AuditEvent
from mfa import services
from tests.accounts.steps import CHALLENGE, HALF_WAY, PASSKEY, SET_UP, finish, go_half_way
from tests.accounts.walk import everything, pages
from tests.people import PASSWORD, Person, browser, key_of, with_key

HOST: dict[str, Any] = {"HTTP_HOST": "localhost:8000"}  # as browsers say it; the test client leaves the port out


# --- Proofs ---


def test_a_session_is_a_list_of_proofs(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim.set_up_app()
    kim.enter_password()
    time_machine.shift(20)
    kim.enter_code()

    proofs = login.proofs_of(kim.client.session)

    assert [proof.method for proof in proofs] == ["password", "totp"]
    assert proofs[1].at - proofs[0].at == 20
    assert [proof.method for proof in login.proofs_of(kim.client.session)] == ["password", "totp"]


def test_a_proof_is_recent_for_fifteen_minutes(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim.sign_in()

    time_machine.shift(15 * 60 - 1)
    assert login.recent_methods(kim.client.session) == {"password"}
    time_machine.shift(1)
    assert login.recent_methods(kim.client.session) == frozenset()


def test_a_stranger_has_proved_nothing(client, db):
    assert login.proofs_of(client.session) == ()
    assert login.recent_methods(client.session) == frozenset()
    assert login.proofs_of(client.session) == ()


def test_the_page_says_who_is_signing_in_and_lets_them_start_again(kim):
    kim.set_up_app()
    kim.enter_password()

    page = kim.client.get(CHALLENGE).content.decode()

    assert "Signing in as <strong>kim</strong>" in page
    assert 'action="/logout/"' in page
    assert "User menu" not in page


# --- Keys ---


@pytest.mark.parametrize("way", ["code", "recovery code", "passkey", "new passkey", "passkey alone"])
def test_the_key_that_was_half_way_is_never_the_key_that_is_in(way, kim, admin):
    if way == "passkey alone":
        kim.add_passkey()
        kim.client.post("/passkeys/authentication/options/", {}, content_type="application/json")
    else:
        go_half_way(kim, "passkey" if way == "new passkey" else "challenge", admin)
    before = key_of(kim.client)

    if way == "code":
        kim.enter_code()
    elif way == "recovery code":
        kim.enter_code(kim.codes[0])
    elif way == "new passkey":
        assert kim.create_passkey().status_code == 200
    else:
        assert kim.use_passkey().status_code == 200

    assert kim.is_in
    assert key_of(kim.client) != before
    assert with_key(before).get("/portal/").status_code == 302


def test_a_step_that_is_refused_changes_neither_key_nor_place(kim):
    kim.set_up_app()
    kim.enter_password()
    key = key_of(kim.client)

    kim.enter_code("000000")

    assert key_of(kim.client) == key
    assert kim.asked_for == CHALLENGE


def test_confirming_who_one_is_changes_the_key(kim, time_machine):
    kim.sign_in()
    key = key_of(kim.client)
    time_machine.move_to(kim.user.created_at.timestamp() + 20 * 60)

    kim.client.post("/confirm/", {"password": PASSWORD})

    assert key_of(kim.client) != key
    assert kim.is_in
    assert with_key(key).get("/portal/").status_code == 302


# --- Another login in the same browser ---


def test_a_second_login_of_the_same_person_starts_from_the_password(kim):
    kim.set_up_app()
    kim.sign_in()
    assert kim.is_in
    key = key_of(kim.client)

    kim.enter_password()

    assert kim.asked_for == CHALLENGE
    assert [proof.method for proof in login.proofs_of(kim.client.session)] == ["password"]
    assert with_key(key).get("/portal/").status_code == 302


@pytest.mark.row("B-04")
@pytest.mark.parametrize("kind", [*HALF_WAY, "signed in"])
def test_a_second_login_of_somebody_else_drops_everything_of_the_first(kind, kim, make_person, admin):
    if kind == "signed in":
        kim.set_up_app()
        kim.sign_in()
    else:
        go_half_way(kim, kind, admin)
    key = key_of(kim.client)
    lee = make_person("lee")
    lee.set_up_app()
    services.request_passkey(lee.user, actor=admin)
    lee.client = kim.client

    lee.enter_password()

    assert lee.asked_for == CHALLENGE
    assert "Signing in as <strong>lee</strong>" in lee.client.get(CHALLENGE).content.decode()
    contents = dict(lee.client.session)
    assert [proof["method"] for proof in contents["proofs"]] == ["password"]
    assert set(contents) == {"proofs", "_auth_user_id", "_auth_user_backend", "_auth_user_hash"}
    if kim.app_key:
        assert kim.enter_code(kim.code(1)).status_code == 400
    lee.enter_code()
    assert lee.asked_for == PASSKEY
    lee.client.post(PASSKEY, {"later": ""})
    assert lee.client.get("/portal/").wsgi_request.user == lee.user
    assert with_key(key).get("/portal/").status_code == 302


def test_next_of_the_first_person_is_not_the_seconds(kim, make_person):
    kim.set_up_app()
    kim.enter_password(next="/m2s/")
    lee = make_person("lee")
    lee.client = kim.client

    assert lee.enter_password().headers["Location"] == "/"


def test_a_login_that_fails_leaves_the_one_that_is_there(kim, make_person):
    kim.sign_in()
    lee = make_person("lee")
    lee.client = kim.client

    assert lee.enter_password("wrong").status_code == 400

    assert kim.client.get("/portal/").wsgi_request.user == kim.user


def test_whoever_is_in_or_on_the_way_is_sent_on_from_the_password_page(kim):
    kim.set_up_app()
    kim.enter_password()
    assert kim.client.get("/login/").headers["Location"] == CHALLENGE
    kim.enter_code()

    assert kim.client.get("/login/").headers["Location"] == "/"
    assert kim.client.get("/login/?next=/m2s/").headers["Location"] == "/m2s/"
    assert kim.client.get("/login/?next=//evil.example").headers["Location"] == "/"


# --- Ten minutes ---


@pytest.mark.row("B-05")
def test_the_ten_minutes_begin_anew_with_each_proof(kim, admin, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    services.request_passkey(kim.user, actor=admin)
    kim.set_up_app()
    kim.enter_password()
    time_machine.shift(9 * 60)
    kim.enter_code()
    time_machine.shift(9 * 60)

    assert kim.asked_for == PASSKEY
    kim.client.post(PASSKEY, {"later": ""})
    assert kim.is_in


def test_looking_at_the_page_and_failing_do_not_prolong_the_ten_minutes(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim.set_up_app()
    kim.enter_password()
    for _minute in range(9):
        time_machine.shift(60)
        kim.client.get(CHALLENGE)
        kim.enter_code("000000")

    time_machine.shift(61)

    assert kim.asked_for == "/login/"


def test_a_login_that_is_complete_goes_on_after_ten_minutes(kim, time_machine):
    time_machine.move_to("2026-05-04 09:30:15", tick=False)
    kim.set_up_app()
    kim.sign_in()

    time_machine.shift(601)

    assert kim.is_in


# --- next ---

JOURNEYS = {
    "password": lambda person, admin: None,
    "code": lambda person, admin: person.set_up_app(),
    "set-up and recovery codes": lambda person, admin: services.enable_two_factor(person.user, actor=admin),
    "passkey, not now": lambda person, admin: services.request_passkey(person.user, actor=admin),
    "set-up, recovery codes, passkey": lambda person, admin: (
        services.enable_two_factor(person.user, actor=admin),
        services.request_passkey(person.user, actor=admin),
    ),
    "code, passkey": lambda person, admin: (
        person.set_up_app(),
        services.request_passkey(person.user, actor=admin),
    ),
}


@pytest.mark.row("ASVS-3.7.2")
@pytest.mark.parametrize("journey", JOURNEYS)
def test_the_page_that_was_asked_for_opens_after_the_last_step(journey, kim, admin):
    JOURNEYS[journey](kim, admin)
    asked = "/user-settings/mfa/?from=mail&x=%C3%A4%20b"
    sent = kim.client.get(asked)
    hidden = re.search(r'name="next" value="([^"]*)"', kim.client.get(sent.headers["Location"]).content.decode())

    assert hidden
    answer = kim.enter_password(next=unescape(hidden[1]))
    answer = finish(kim) or answer

    assert answer.headers["Location"] == "/user-settings/mfa/?from=mail&x=%C3%A4%20b"
    assert kim.is_in
    assert "next" not in kim.client.session


def test_next_in_the_address_of_the_login_counts_where_the_form_has_none(kim):
    answer = kim.client.post("/login/?next=/m2s/", {"username": "kim", "password": PASSWORD})

    assert answer.headers["Location"] == "/m2s/"


@pytest.mark.parametrize("bad", ["wrong password", "nothing"])
def test_next_survives_a_password_that_was_not_right(bad, kim):
    form = {"username": "kim", "password": "wrong"} if bad == "wrong password" else {}

    page = kim.client.post("/login/", form | {"next": "/m2s/"}).content.decode()

    assert '<input type="hidden" name="next" value="/m2s/">' in page


def test_next_survives_a_code_that_was_not_right(kim):
    kim.set_up_app()
    kim.enter_password(next="/m2s/")
    kim.enter_code("000000")

    assert kim.enter_code().headers["Location"] == "/m2s/"


def test_next_survives_a_passkey_created_at_the_login(kim, admin):
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password(next="/m2s/")

    assert kim.create_passkey().json() == {"next": "/m2s/"}


def test_next_goes_with_a_sign_in_by_passkey_and_its_steps(kim, admin):
    kim.add_passkey()
    options = kim.json("/passkeys/authentication/options/", {}).json()
    answer = kim.json("/passkeys/authentication/", {"credential": kim.authenticator.get(options), "next": "/m2s/"})
    assert answer.json() == {"next": "/m2s/"}

    kim.client.post("/logout/")
    services.enable_two_factor(kim.user, actor=admin)
    options = kim.json("/passkeys/authentication/options/", {}).json()
    answer = kim.json("/passkeys/authentication/", {"credential": kim.authenticator.get(options), "next": "/m2s/"})
    assert answer.json() == {"next": SET_UP}
    assert finish(kim).headers["Location"] == "/m2s/"


HOSTILE = [
    "https://evil.example",
    "http://evil.example/portal/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\\/evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\x00//evil.example",
    "\x08//evil.example",
    " //evil.example",
    "%2f%2fevil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "data:text/html,x",
    "http:///evil.example",
    "http:evil.example",
    "https:/evil.example",
    "http://localhost:8000@evil.example/",
    "http://localhost:8000/portal/",
    "evil.example",
    "portal/",
    "?x",
    "#x",
    "//[",
    "/" + "\\" * 5 + "evil.example",
    "//localhost:8000/portal/",
    "",
]


@pytest.mark.row("ASVS-3.7.2", "B-34")
@pytest.mark.parametrize("hostile", HOSTILE, ids=ascii)
def test_next_leads_to_a_path_of_this_site_or_home(hostile, kim):
    kim.set_up_app()
    address = f"/login/?{urlencode({'next': hostile})}"

    kim.enter_password(next=hostile)
    landed = {"form": kim.enter_code(kim.codes[0])}
    kim.client.post("/logout/")
    page = kim.client.get(address)
    kim.client.post(address, {"username": "kim", "password": PASSWORD})
    landed["address"] = kim.enter_code(kim.codes[1])
    landed["signed in already"] = kim.client.get(address)
    landed["confirmed"] = kim.client.post("/confirm/", {"code": kim.codes[2], "next": hostile})

    assert {way: answer.headers["Location"] for way, answer in landed.items()} == dict.fromkeys(landed, "/")
    assert 'name="next"' not in page.content.decode()


@pytest.mark.parametrize(
    "odd",
    [
        "/%2f%2fevil.example",
        "/..//evil.example",
        "/portal/?next=//evil.example",
        "/;@evil.example",
        "/x\r\nSet-Cookie: a=b",
        "/ü",
    ],
)
def test_an_odd_path_stays_on_this_site(odd, kim):
    answer = kim.enter_password(next=odd)

    there = urlsplit(urljoin("http://localhost:8000/login/", answer.headers["Location"]))
    assert (there.scheme, there.netloc) == ("http", "localhost:8000")
    assert "a=b" not in str(answer.cookies)
    assert answer.headers["Location"].isascii()


# --- What does not disturb ---


@pytest.mark.parametrize("kind", HALF_WAY)
def test_a_login_that_is_half_way_is_not_disturbed(kind, kim, admin):
    go_half_way(kim, kind, admin)
    session, key = dict(kim.client.session), key_of(kim.client)

    for path in ("/favicon.ico", "/static/m2v/m2v.css", "/static/nope.css", "/nope/", "/portal/", "/login/"):
        for method in ("GET", "HEAD", "OPTIONS"):
            kim.client.generic(method, path)
        kim.client.get(path, HTTP_HX_REQUEST="true")
        assert dict(kim.client.session) == session, path
        assert key_of(kim.client) == key, path

    assert kim.asked_for == HALF_WAY[kind]


def test_static_files_cost_no_session(kim, settings, django_assert_num_queries):
    (Path(settings.STATIC_ROOT) / "half-way.txt").write_text("static")
    kim.set_up_app()
    kim.enter_password()

    with django_assert_num_queries(0):
        answer = kim.client.get("/static/half-way.txt")
        assert (answer.status_code, answer.getvalue()) == (200, b"static")
        assert not answer.cookies
        answer.close()


def test_a_wrong_page_asked_for_half_way_does_not_change_where_the_login_leads(kim):
    kim.set_up_app()
    kim.enter_password(next="/m2s/")
    kim.client.get("/user-settings/", follow=True)

    assert kim.enter_code().headers["Location"] == "/m2s/"


# --- What scripts are told ---


@pytest.mark.row("V27")
@pytest.mark.parametrize("half_way", [False, True])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_a_script_is_told_where_to_sign_in(method, half_way, kim):
    kim.set_up_app()
    if half_way:
        kim.enter_password()

    answer = getattr(kim.client, method)("/user-settings/mfa/", HTTP_ACCEPT="application/json")

    back = "?next=%2Fuser-settings%2Fmfa%2F" if method == "get" else ""
    assert answer.status_code == 401
    assert answer.json() == {"error": "sign_in_required", "login": f"/login/{back}"}
    assert "HX-Redirect" not in answer.headers


@pytest.mark.parametrize(
    ("current", "back"),
    [
        (
            "http://localhost:8000/settings/administration/users/?q=k",
            "?next=%2Fsettings%2Fadministration%2Fusers%2F%3Fq%3Dk",
        ),
        ("http://localhost:8000//evil.example/", ""),
        ("http://evil.example/portal/", ""),
        ("https://localhost:8000/portal/", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_htmx_is_told_to_sign_in_and_comes_back_to_the_page_it_was_on(current, back, db):
    headers = HOST | {"HTTP_HX_REQUEST": "true"} | ({} if current is None else {"HTTP_HX_CURRENT_URL": current})

    for method in ("get", "post"):
        answer = getattr(browser(), method)("/user-settings/mfa/two-factor/off/", **headers)
        assert answer.status_code == 401
        assert answer.json()["error"] == "sign_in_required"
        assert answer.headers["HX-Redirect"] == f"/login/{back}"


@pytest.mark.parametrize(
    ("referer", "back"),
    [
        ("http://localhost:8000/user-settings/?x=1", "?next=%2Fuser-settings%2F"),
        ("http://localhost:8000", ""),
        ("http://localhost:8000//evil.example", ""),
        ("http://evil.example/portal/", ""),
        ("http://localhost/portal/", ""),
        ("/portal/", ""),
        ("about:blank", ""),
        ("", ""),
    ],
)
def test_a_button_pressed_after_the_session_ended_leads_back_to_its_page(referer, back, db):
    answer = browser().post("/user-settings/mfa/two-factor/off/", HTTP_REFERER=referer, **HOST)

    assert answer.headers["Location"] == f"/login/{back}"


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        (None, 302),
        ("*/*", 302),
        ("text/html", 302),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", 302),
        ("application/json", 401),
        ("application/json, text/plain, */*", 401),
        ("application/json;q=0.5, text/html", 302),
        ("application/json, text/html;q=0.5", 401),
        ("image/png", 302),
        ("nonsense", 302),
        ("", 302),
    ],
)
def test_who_asks_for_json_gets_json(accept, status, db):
    headers = {} if accept is None else {"HTTP_ACCEPT": accept}

    assert browser().get("/portal/", **headers).status_code == status


def test_head_and_options_of_a_stranger_are_sent_to_the_login(db):
    for method in ("head", "options"):
        answer = getattr(browser(), method)("/portal/")
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/login/")
    assert browser().head("/login/").status_code == 200


# --- Signing out ---


@pytest.mark.row("ASVS-7.4.1", "N-5.1-secret")
@pytest.mark.parametrize("kind", [*HALF_WAY, "signed in"])
def test_signing_out_ends_the_session_on_the_server(kind, kim, admin):
    if kind == "signed in":
        kim.sign_in()
    else:
        go_half_way(kim, kind, admin)
    key = key_of(kim.client)

    answer = kim.client.post("/logout/")

    there = "/login/?signed_out=yes" if kind == "signed in" else "/login/"
    assert (answer.status_code, answer.headers["Location"]) == (302, there)
    assert not Session.objects.filter(pk=stored_as(key)).exists()
    assert with_key(key).get(HALF_WAY.get(kind, "/portal/")).status_code == 302
    assert kim.asked_for == "/login/"


def test_signing_out_ends_this_session_and_no_other(kim):
    phone = Person(kim.user)
    for person in (kim, phone):
        person.sign_in()

    kim.client.post("/logout/")

    assert phone.is_in


def test_signing_out_is_said_on_the_page_that_follows_and_not_after_a_wrong_password(kim):
    kim.sign_in()
    page = kim.client.post("/logout/", follow=True)
    wrong = kim.client.post("/login/?signed_out=yes", {"username": "kim", "password": "wrong"})

    assert "You have signed out." in page.content.decode()
    assert "You have signed out." not in wrong.content.decode()
    assert "You have signed out." not in kim.client.get("/login/").content.decode()


def test_signing_out_twice_or_as_a_stranger_leads_to_the_login(kim):
    kim.sign_in()
    assert kim.client.post("/logout/").headers["Location"] == "/login/?signed_out=yes"
    assert kim.client.post("/logout/").headers["Location"] == "/login/"

    assert AuditEvent.objects.filter(action="signed_out").count() == 1


@pytest.mark.row("ASVS-3.5.3", "DJ-12")
@pytest.mark.parametrize("method", ["get", "head", "options", "put", "delete"])
def test_nothing_but_a_post_signs_out(method, kim):
    kim.sign_in()

    assert getattr(kim.client, method)("/logout/").status_code == 405
    assert kim.is_in


SIGN_OUT = re.compile(r'<form[^>]*method="post"[^>]*action="/logout/"[^>]*>.*?csrfmiddlewaretoken.*?<button', re.DOTALL)


@pytest.mark.row("ASVS-7.4.4")
def test_every_page_of_a_signed_in_person_signs_out(administrator, kim, company):
    own = administrator.add_passkey()
    theirs = kim.add_passkey()
    assert administrator.use_passkey().status_code == 200
    parts = {"user_id": kim.user.pk, "company_id": company.pk}
    shown, without = set(), []

    for page in pages():
        passkey = own if page.name.startswith("own_mfa:") else theirs
        path = page.path(**parts, passkey_id=passkey.pk)
        answer = administrator.client.get(path)
        is_part = page.name in {"session", "settings:company_names"} or "Content-Disposition" in answer.headers
        if answer.status_code != 302 and not is_part:
            shown.add(page.name)
            if not SIGN_OUT.search(answer.getvalue().decode()):
                without.append(page.name)

    assert len(shown) > 35
    assert without == []
    assert SIGN_OUT.search(administrator.client.get("/nope/").content.decode())


def test_the_pages_in_between_sign_out_too(kim, time_machine):
    """Recovery codes that wait to be saved, and a form that goes on after confirming."""
    kim.sign_in()
    kim.set_up_app()
    time_machine.move_to(kim.user.created_at.timestamp() + 20 * 60)
    asked = kim.client.post("/user-settings/mfa/recovery-codes/new/")

    goes_on = kim.client.post(asked.headers["Location"], {"code": kim.code()}, follow=True)
    assert "data-goes-on" in goes_on.content.decode()
    kim.client.post("/user-settings/mfa/recovery-codes/new/")
    codes = kim.client.get("/user-settings/mfa/recovery-codes/")
    assert codes.status_code == 200

    assert [bool(SIGN_OUT.search(page.content.decode())) for page in (goes_on, codes)] == [True, True]


def test_signing_out_changes_nothing_but_the_session(kim):
    kim.sign_in()
    before = everything("AuditEvent")

    kim.client.post("/logout/", {"next": "//evil.example"})

    assert everything("AuditEvent") == before
