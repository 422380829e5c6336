"""What goes wrong, as a page for people and a code for scripts; and forms that another site or session sent."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from accounts.models import Session
from tests.accounts.broken_urls import SECRET
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import everything, pages
from tests.people import PASSWORD, browser

JSON: dict[str, Any] = {"HTTP_ACCEPT": "application/json"}
HTMX: dict[str, Any] = {"HTTP_HX_REQUEST": "true"}


def careful_browser():
    """A browser whose forms the site checks, as it does outside tests."""
    return Client(True, raise_request_exception=False, SERVER_NAME="localhost", SERVER_PORT="8000")


# --- Pages and codes ---


@pytest.mark.parametrize(
    ("path", "method", "status", "heading", "error"),
    [
        ("/nope/", "get", 404, "There is nothing here", "not_found"),
        ("/settings/", "get", 403, "You have no access to the Settings app", "no_access"),
        ("/portal/", "delete", 405, "This address is not a page", "method_not_allowed"),
    ],
)
def test_an_error_is_a_page_for_people_and_a_code_for_scripts(path, method, status, heading, error, kim):
    kim.sign_in()
    send = getattr(kim.client, method)

    page = send(path)
    assert page.status_code == status
    assert f"<h1>{heading}</h1>" in page.content.decode()
    for headers in (JSON, HTMX):
        told = send(path, **headers)
        assert (told.status_code, told.json()) == (status, {"error": error})


def test_company_administrators_are_told_what_their_role_does_not_include(company_admin):
    carla = browser()
    carla.post("/login/", {"username": "carla", "password": PASSWORD})

    page = carla.get("/settings/administration/companies/new/")

    assert page.status_code == 403
    assert "You are not allowed to do this" in page.content.decode()
    assert carla.get("/settings/administration/companies/new/", **JSON).json() == {"error": "not_allowed"}


def test_a_stranger_and_somebody_half_way_get_the_page_too(kim, admin):
    go_half_way(kim, "challenge", admin)

    for client in (browser(), kim.client):
        page = client.get("/nope/")
        assert page.status_code == 404
        assert "There is nothing here" in page.content.decode()
        assert "User menu" not in page.content.decode()


def test_another_host_is_a_400_that_names_the_sites_own_address(kim):
    kim.sign_in()

    for path in ("/login/", "/portal/", "/nope/"):
        page = kim.client.get(path, HTTP_HOST="evil.example")
        assert page.status_code == 400
        assert "http://localhost:8000" in page.content.decode()
        assert "evil.example" not in page.content.decode()


@pytest.mark.row("ASVS-16.5.4")
@pytest.mark.urls("tests.accounts.broken_urls")
def test_a_failure_of_ours_is_a_500_that_says_nothing_about_it(kim):
    kim.client.raise_request_exception = False
    kim.sign_in()

    page = kim.client.get("/fail/")

    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()
    for leak in (SECRET, "RuntimeError", "Traceback", "broken_urls"):
        assert leak not in page.content.decode()
    assert kim.is_in


@pytest.mark.urls("tests.accounts.broken_urls")
def test_a_failure_of_ours_asks_nothing_of_the_database(kim, django_assert_num_queries):
    client = browser()
    client.raise_request_exception = False

    with django_assert_num_queries(0):
        assert client.get("/fail/").status_code == 500


@pytest.mark.urls("tests.accounts.broken_urls")
def test_a_failure_of_ours_is_a_code_for_scripts(db):
    client = browser()
    client.raise_request_exception = False

    answer = client.get("/fail/", **JSON)

    assert answer.status_code == 500
    assert answer.json()["error"]


def test_the_400_of_a_script_is_a_code(db):
    answer = browser().get("/login/", {f"p{number}": "1" for number in range(101)}, **JSON)

    assert answer.status_code == 400
    assert answer.json()["error"]


@pytest.mark.row("ASVS-3.4.4", "ASVS-3.4.6", "ASVS-3.4.8", "H-10")
@pytest.mark.parametrize("path", ["/login/", "/nope/", "/settings/", "/logout/"])
@pytest.mark.parametrize("host", ["localhost:8000", "evil.example"])
def test_every_answer_carries_the_policy_of_its_content(path, host, kim):
    kim.sign_in()

    answer = kim.client.get(path, HTTP_HOST=host)

    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "same-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"


# --- Forms of another site ---


def signed_in(username):
    """A careful browser with this person in it."""
    client = careful_browser()
    client.get("/login/")
    token = client.cookies["csrf"].value
    client.post("/login/", {"username": username, "password": PASSWORD, "csrfmiddlewaretoken": token})
    assert client.get("/portal/").status_code == 200
    return client


@pytest.mark.row("ASVS-3.5.1", "N-5.1-csrf", "DJ-02", "B-19", "V29")
def test_no_address_takes_a_form_without_its_token(admin, kim, company, mailoutbox):
    kim.add_passkey()
    client = signed_in("petra")
    parts = {"user_id": kim.user.pk, "company_id": company.pk, "passkey_id": kim.user.passkeys.get().pk}
    before, sessions = everything(), Session.objects.count()
    mailoutbox.clear()

    for page in pages():
        if "POST" in page.methods and page.name != "csp_report":  # which a browser sends by itself, and changes nothing
            for token in ({}, {"csrfmiddlewaretoken": "a" * 64}, {"csrfmiddlewaretoken": ""}):
                answer = client.post(page.path(**parts), token)
                assert answer.status_code == 403, page.name
                assert "This page is out of date" in answer.content.decode()
            told = client.post(page.path(**parts), {}, content_type="application/json")
            assert (told.status_code, told.json()["error"]) == (403, "form_out_of_date"), page.name

    assert everything() == before
    assert Session.objects.count() == sessions
    assert client.get("/portal/").status_code == 200
    assert mailoutbox == []


@pytest.mark.row("B-44")
def test_no_other_site_signs_a_browser_in_or_out(kim):
    client = careful_browser()
    client.get("/login/")
    form = {"username": "kim", "password": PASSWORD}

    assert client.post("/login/", form).status_code == 403
    token = {"csrfmiddlewaretoken": client.cookies["csrf"].value}
    assert client.post("/login/", form | token, HTTP_ORIGIN="https://evil.example").status_code == 403
    assert client.post("/login/", form | token, HTTP_ORIGIN="null").status_code == 403
    assert not Session.objects.filter(user=kim.user).exists()
    assert client.post("/login/", form | token, HTTP_ORIGIN="http://localhost:8000").status_code == 302
    assert client.post("/logout/", token).status_code == 403
    assert client.get("/portal/").status_code == 200


def test_the_token_of_before_the_login_is_of_no_use_after_it(kim):
    client = careful_browser()
    client.get("/login/")
    stale = {"csrfmiddlewaretoken": client.cookies["csrf"].value}
    client.post("/login/", {"username": "kim", "password": PASSWORD} | stale)

    assert client.post("/logout/", stale).status_code == 403
    fresh = {"csrfmiddlewaretoken": client.cookies["csrf"].value}
    assert client.post("/logout/", fresh).status_code == 302


@pytest.mark.row("ASVS-3.5.1", "N-5.1-csrf", "B-19")
def test_the_token_of_one_browser_is_of_no_use_in_another(kim, admin):
    theirs = signed_in("petra").cookies["csrf"].value

    assert signed_in("kim").post("/logout/", {"csrfmiddlewaretoken": theirs}).status_code == 403


@pytest.mark.parametrize("kind", HALF_WAY)
def test_no_step_of_the_login_takes_a_form_without_its_token(kind, kim, admin):
    go_half_way(kim, kind, admin)
    client = careful_browser()
    client.cookies = kim.client.cookies
    before = everything()

    for path in {*HALF_WAY.values(), "/passkeys/registration/options/", "/passkeys/registration/"}:
        answer = client.post(path, {"code": kim.code() if kim.app_key else "1", "saved": "on", "later": ""})
        assert answer.status_code == 403

    assert everything() == before
    assert kim.asked_for == HALF_WAY[kind]
