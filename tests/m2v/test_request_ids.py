"""The number of a request: one for each, in its answer, in its lines of the log, and on the page of a failure."""

from __future__ import annotations

import json
import logging
import re

import pytest
from django.test import RequestFactory
from django.urls import include, path

from accounts.after_response import RedirectThen
from m2v import urls as site_urls
from m2v.logs import JsonFormatter
from m2v.request_ids import HEADER, current_request_id, request_id_of
from m2v.wsgi import application
from tests.people import browser

OURS = re.compile(r"[0-9a-f]{4}(-[0-9a-f]{4}){3}")
THEIRS = "f3a9c1d07be24586a1b2c3d4e5f60718"
JSON = {"HTTP_ACCEPT": "application/json"}


def broken(request):
    raise RuntimeError("inside")


def later(request):
    return RedirectThen("/login/", lambda: logging.getLogger("m2v.test").warning("done later"))


urlpatterns = [
    path("broken/", broken),
    path("later/", later),
    path("", include(site_urls.urlpatterns)),
]
handler400, handler403 = site_urls.handler400, site_urls.handler403
handler404, handler500 = site_urls.handler404, site_urls.handler500


@pytest.fixture
def log():
    """The lines that leave the process, read again."""
    kept: list[dict[str, object]] = []

    class Kept(logging.Handler):
        def emit(self, record):
            kept.append(json.loads(formatter.format(record)))

    formatter, handler = JsonFormatter(), Kept()
    logging.getLogger().addHandler(handler)
    yield kept
    logging.getLogger().removeHandler(handler)


@pytest.mark.parametrize("headers", [{}, JSON])
@pytest.mark.parametrize(
    "address", ["/login/", "/portal/", "/nowhere/", "/logout/", "/static/nope.css", "/health/live"]
)
def test_every_answer_has_a_number_of_its_own(address, headers, db):
    first, second = (browser().get(address, **headers).headers[HEADER] for _ in range(2))

    assert OURS.fullmatch(first)
    assert OURS.fullmatch(second)
    assert first != second


def test_a_stranger_chooses_no_number(db):
    assert OURS.fullmatch(browser().get("/login/", HTTP_X_REQUEST_ID=THEIRS).headers[HEADER])


def test_a_proxy_of_ours_chooses_it(db, settings):
    settings.BEHIND_PROXY = 1

    assert browser().get("/login/", HTTP_X_REQUEST_ID=THEIRS).headers[HEADER] == THEIRS


@pytest.mark.parametrize(
    "stated", ["", "short", "x" * 65, "two numbers", "ab12cd34,ef56ab78", "ab12cd34\n", "<b>12345678</b>", "١٢٣٤٥٦٧٨"]
)
def test_what_is_no_number_is_made_anew_whoever_sends_it(stated, settings):
    settings.BEHIND_PROXY = 1
    request = RequestFactory().get("/", HTTP_X_REQUEST_ID=stated)

    assert OURS.fullmatch(request_id_of(request.META))


def test_djangos_lines_bear_the_number_of_their_request(kim, log):
    answers = [kim.enter_password("wrong"), kim.client.get("/nowhere/")]

    written = [line["request"] for line in log if line["logger"] == "django.request"]
    assert written == [answer.headers[HEADER] for answer in answers]
    assert current_request_id() == ""


@pytest.mark.django_db(transaction=True)
def test_the_audits_line_in_the_log_bears_the_number_of_its_request(kim, log):
    answer = kim.enter_password("wrong")

    [refused] = [line for line in log if line["message"] == "refused"]
    assert refused["request"] == answer.headers[HEADER]


@pytest.mark.urls(__name__)
def test_what_is_done_after_the_answer_belongs_to_its_request(kim, log):
    kim.sign_in()
    answer = kim.client.get("/later/")
    answer.close()

    assert [line["request"] for line in log if line["message"] == "done later"] == [answer.headers[HEADER]]


@pytest.mark.urls(__name__)
def test_the_page_of_a_failure_says_the_number_that_its_lines_bear(kim, log):
    kim.sign_in()
    kim.client.raise_request_exception = False
    answer = kim.client.get("/broken/")

    number = answer.headers[HEADER]
    assert f"tell your administrator this number: <code>{number}</code>" in " ".join(answer.content.decode().split())
    assert [line["request"] for line in log if line["level"] == "ERROR"] == [number]


def test_the_page_of_a_foreign_host_says_it_too(db):
    answer = browser().get("/login/", HTTP_HOST="evil.example")

    assert answer.status_code == 400
    assert answer.headers[HEADER] in answer.content.decode()


def test_a_line_without_a_request_has_no_number(log):
    logging.getLogger("m2v.test").warning("nobody asked")

    assert "request" not in log[-1]


def test_what_the_gateway_refuses_has_one_under_wsgi():
    told: dict[str, dict[str, str]] = {}
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/login/", "CONTENT_LENGTH": "999999"}
    application(environ, lambda status, headers: told.update({status: dict(headers)}))

    [(status, headers)] = told.items()
    assert status.startswith("413")
    assert OURS.fullmatch(headers[HEADER])
