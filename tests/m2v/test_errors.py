"""What goes wrong: a page for people, a code for scripts, and never anything about the inside."""

from __future__ import annotations

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path

from m2v import urls as site
from tests.companies import HTMX, read
from tests.people import PASSWORD, browser

JSON = {"HTTP_ACCEPT": "application/json"}


def broken(request):
    """A view with a bug."""
    raise RuntimeError("secret of the inside")


def fine(request):
    return HttpResponse("fine")


urlpatterns = [path("broken/", broken), path("fine/", fine), path("", include(site.urlpatterns))]
handler400, handler403 = site.handler400, site.handler403
handler404, handler500 = site.handler404, site.handler500


# --- 404 ---


def test_an_unknown_address_is_a_page_with_a_way_home(kim):
    kim.sign_in()
    page = read(kim.client.get("/nowhere/"), 404)

    assert page.one("h1").words == "There is nothing here"
    assert page.links["To your home page"] == "/"


def test_a_stranger_gets_the_same_page_without_the_frame():
    page = read(browser().get("/nowhere/"), 404)

    assert page.one("h1").words == "There is nothing here"
    assert page.all("nav") == []


@pytest.mark.parametrize("headers", [JSON, HTMX])
def test_a_script_gets_a_code(kim, headers):
    kim.sign_in()
    answer = kim.client.get("/nowhere/", **headers)

    assert (answer.status_code, answer.json()) == (404, {"error": "not_found"})


def test_an_unknown_address_does_not_disturb_a_half_way_login(kim):
    kim.set_up_app()
    kim.enter_password()
    for address in ("/nowhere/", "/favicon.ico", "/static/nothing.js"):
        assert kim.client.get(address).status_code == 404
    kim.enter_code()

    assert kim.is_in


def test_a_long_odd_address_is_not_found(kim):
    kim.sign_in()
    for address in ("/" + "a" * 4000, "/%00", "/%ff%fe/", "/portal/../", "/settings/%2e%2e/", "//evil.example/portal"):
        assert kim.client.get(address).status_code in {301, 302, 404}


# --- 405 ---


@pytest.mark.parametrize(("method", "address"), [("get", "/logout/"), ("put", "/portal/"), ("delete", "/login/")])
def test_a_wrong_method_is_a_page_and_says_what_is_allowed(kim, method, address):
    kim.sign_in()
    answer = getattr(kim.client, method)(address)

    assert "It only takes what a button or a form sends." in read(answer, 405).words
    assert answer.headers["Allow"]


def test_a_script_with_a_wrong_method_gets_a_code(kim):
    kim.sign_in()
    answer = kim.client.get("/logout/", **JSON)

    assert (answer.status_code, answer.json()) == (405, {"error": "method_not_allowed"})
    assert answer.headers["Allow"] == "POST"


def test_a_head_request_with_a_wrong_method_has_no_body(kim):
    kim.sign_in()
    answer = kim.client.head("/logout/")

    assert (answer.status_code, answer.content) == (405, b"")


# --- 403 ---


def test_a_form_without_its_token_changes_nothing_and_says_what_to_do(kim):
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    kim.sign_in()
    careful.cookies = kim.client.cookies
    answer = careful.post("/logout/")

    assert "This page is out of date" in read(answer, 403).words
    assert kim.is_in
    assert careful.post("/logout/", **JSON).json()["error"] == "form_out_of_date"


def test_a_login_without_cookies_says_that_they_are_needed(kim):
    """The page was not out of date, and reloading it alone would never help."""
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    answer = careful.post("/login/", {"username": "kim", "password": PASSWORD, "csrfmiddlewaretoken": "a" * 64})

    words = read(answer, 403).words
    assert "Cookies are needed" in words
    assert "Your browser did not send this site’s cookies. Allow them" in words
    assert "out of date" not in words
    told = careful.post("/passkeys/authentication/options/", {}, content_type="application/json", **JSON)
    assert (told.status_code, told.json()["error"]) == (403, "cookies_needed")
    assert told.json()["message"].startswith("Cookies are needed. ")


def test_a_form_from_another_site_changes_nothing(kim):
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    careful.get("/login/")
    token = careful.cookies["csrf"].value
    answer = careful.post(
        "/login/",
        {"username": "kim", "password": "x", "csrfmiddlewaretoken": token},
        HTTP_ORIGIN="https://evil.example",
    )

    assert answer.status_code == 403


@pytest.mark.parametrize(("headers", "error"), [({}, None), (JSON, "not_allowed")])
def test_what_is_not_ones_own_to_do_says_so(company_admin, kim, headers, error):
    kim.user = company_admin
    kim.sign_in()
    answer = kim.client.get("/settings/administration/companies/new/", **headers)

    assert answer.status_code == 403
    if error:
        assert answer.json() == {"error": error}
    else:
        assert "You are not allowed to do this" in read(answer, 403).words


# --- 400 ---


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "evil.example:8000", "", "a b", "localhost@x"]
)
def test_a_foreign_host_is_told_the_sites_own_address_and_nothing_else(host):
    answer = browser().get("/login/", HTTP_HOST=host)

    page = read(answer, 400)
    assert page.links["Open m2v"] == "http://localhost:8000"
    assert "evil" not in answer.content.decode()
    assert "Set-Cookie" not in answer.headers


def test_a_form_with_too_many_fields_is_refused():
    answer = browser().post("/login/", {f"field{number}": "" for number in range(200)})

    assert "m2v could not read what your browser sent." in read(answer, 400).words


def test_a_body_that_is_too_large_is_refused():
    answer = browser().post("/login/", {"username": "x" * 1_000_000, "password": "y"})

    assert answer.status_code in {400, 413}
    assert "Traceback" not in answer.content.decode()


# --- 500 ---


@pytest.mark.urls(__name__)
def test_a_bug_is_answered_with_a_page_that_says_nothing_of_the_inside(kim):
    kim.sign_in()
    kim.client.raise_request_exception = False
    page = read(kim.client.get("/broken/"), 500)

    assert page.one("h1").words == "Something broke on our side"
    assert "secret" not in page.words
    assert page.links["To your home page"] == "/"


@pytest.mark.urls(__name__)
def test_a_view_that_nobody_marked_is_closed_to_strangers(kim):
    assert browser().get("/fine/").headers["Location"] == "/login/?next=%2Ffine%2F"
    kim.sign_in()
    assert kim.client.get("/fine/").content == b"fine"


@pytest.mark.parametrize("status", [404, 405, 403, 400])
def test_error_pages_keep_the_strict_policy(kim, status):
    kim.sign_in()
    answer = {
        404: lambda: kim.client.get("/nowhere/"),
        405: lambda: kim.client.get("/logout/"),
        403: lambda: kim.client.get("/settings/"),
        400: lambda: kim.client.get("/", HTTP_HOST="evil.example"),
    }[status]()

    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
