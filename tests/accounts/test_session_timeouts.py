"""When a session ends by itself, and what puts that off (NIST SP 800-63B-4, sections 2.2.3 and 5)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from django.conf import settings
from django.db import connection
from django.http import HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path

from accounts.models import Session
from accounts.sessions.current import in_background
from accounts.sessions.store import stored_as
from m2v.urls import urlpatterns as site
from tests.accounts.steps import HALF_WAY, go_half_way
from tests.accounts.walk import pages
from tests.documents import decision

if TYPE_CHECKING:
    from tests.people import Person

MINUTE, HOUR = 60, 3600


@in_background("POST")
def report(request):
    """What a browser sends by itself."""
    return HttpResponse()


urlpatterns = [path("report/", report), *site]


def row(person: Person) -> Session:
    return Session.objects.get(user=person.user)


@pytest.mark.row("N-5.1-persist")
def test_the_cookie_ends_with_the_browser(kim):
    kim.sign_in()

    assert kim.client.cookies["session"]["max-age"] == ""
    assert kim.client.cookies["session"]["expires"] == ""


@pytest.mark.row("N-5.1-aal")
@pytest.mark.parametrize("kind", HALF_WAY)
def test_a_login_half_way_is_never_more(kind, kim, admin):
    go_half_way(kim, kind, admin)

    assert not row(kim).is_complete
    assert kim.json("/session/", {}).status_code == 401
    assert not row(kim).is_complete


@pytest.mark.row("N-5.1.1")
def test_the_cookie_is_opaque_and_bound(kim):
    kim.sign_in()
    cookie = kim.client.cookies["session"]

    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")
    assert re.fullmatch(r"[A-Za-z0-9_-]{32}", cookie.value)
    assert str(kim.user.pk) not in cookie.value


@pytest.mark.row("N-5.2-term")
@pytest.mark.urls(__name__)
def test_what_browsers_send_by_themselves_is_no_activity(kim, clock):
    kim.sign_in()
    for _ in range(59):
        clock.shift(MINUTE)
        assert kim.client.get("/session/").status_code == 200
        assert kim.client.post("/report/").status_code == 200
    assert kim.client.get("/session/").json() == {"idle": 60, "overall": 23 * HOUR + 60, "warning": 60}
    clock.shift(MINUTE)

    assert not kim.is_in


@pytest.mark.row("N-5.2-term")
def test_a_login_page_left_open_in_another_tab_is_no_activity(kim, clock):
    """It asks for a passkey's question every four minutes, and each question is kept in the session."""
    kim.sign_in()
    for _ in range(14):
        clock.shift(4 * MINUTE)
        assert kim.json("/passkeys/authentication/options/", {}).status_code == 200
    clock.shift(4 * MINUTE)

    assert not kim.is_in


@pytest.mark.row("N-5.2-term")
def test_a_question_that_is_answered_is_activity(kim, clock):
    kim.add_passkey()
    kim.sign_in()
    clock.shift(50 * MINUTE)
    assert kim.use_passkey().status_code == 200
    clock.shift(50 * MINUTE)

    assert kim.is_in


@pytest.mark.row("N-5.2-term")
def test_what_is_in_the_background_is_this_list():
    marked = {page.name: set(getattr(page.view, "in_background", ())) for page in pages()}

    assert {name: methods for name, methods in marked.items() if methods} == {
        "session": {"GET", "HEAD"},
        "passkey_authentication_options": {"POST"},
    }


@pytest.mark.row("N-5.2-term")
@pytest.mark.urls(__name__)
def test_only_what_is_marked_is_in_the_background(kim, clock):
    kim.sign_in()
    clock.shift(50 * MINUTE)
    kim.client.get("/report/")
    clock.shift(50 * MINUTE)

    assert kim.is_in


@pytest.mark.row("N-5.2-term", "WCAG-2.2.1")
def test_stay_signed_in_is_activity(kim, clock):
    kim.sign_in()
    clock.shift(59 * MINUTE)
    assert kim.client.post("/session/").json() == {"idle": HOUR, "overall": 23 * HOUR + 60, "warning": 60}
    clock.shift(59 * MINUTE)
    assert kim.is_in


@pytest.mark.row("N-5.2-term")
def test_nothing_puts_the_overall_end_off(kim, clock):
    kim.sign_in()
    for _ in range(47):
        clock.shift(30 * MINUTE)
        kim.client.post("/session/")
    clock.shift(29 * MINUTE + 30)
    assert kim.client.post("/session/").json() == {"idle": 30, "overall": 30, "warning": 60}
    clock.shift(30)
    assert not kim.is_in


@pytest.mark.row("N-5.2-term")
def test_signing_in_again_resets_both(kim, clock):
    kim.sign_in()
    for _ in range(46):
        clock.shift(30 * MINUTE)
        assert kim.is_in
    kim.sign_in()

    assert kim.client.get("/session/").json() == {"idle": HOUR, "overall": 24 * HOUR, "warning": 60}


@pytest.mark.row("N-5.2-term")
def test_seen_is_written_once_a_minute_at_most(kim, clock):
    kim.sign_in()

    def statements() -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            kim.client.get("/confirm/continue/")
        return [query["sql"].split()[0] for query in queries]

    clock.shift(59)
    assert statements() == ["SELECT"]
    clock.shift(1)
    assert statements().count("UPDATE") == 1
    assert statements() == ["SELECT"]
    clock.shift(30)
    assert statements() == ["SELECT"]


def test_the_list_knows_where_somebody_was_last(kim, clock):
    kim.sign_in()
    clock.shift(5 * MINUTE)
    kim.client.get("/portal/", REMOTE_ADDR="203.0.113.9")

    assert row(kim).address == "203.0.113.9"
    assert "203.0.113.9" in kim.client.get("/user-settings/", REMOTE_ADDR="203.0.113.9").content.decode()


@pytest.mark.row("N-5.2-term")
def test_a_session_that_ended_is_not_brought_back_by_being_seen(kim, clock):
    kim.sign_in()
    clock.shift(5 * MINUTE)
    store_key = kim.client.cookies["session"].value
    kept = kim.client.session  # loaded by a request that is on its way
    kept.load()
    Session.objects.all().delete()

    kept.touch()

    assert not Session.objects.filter(pk=stored_as(store_key)).exists()


@pytest.mark.row("N-5.2-doc")
def test_the_limits_are_written_down():
    assert "one hour without a request" in decision(22)
    assert "24 hours after the sign-in" in decision(22)
    assert (settings.SESSION_IDLE_SECONDS, settings.SESSION_SECONDS) == (HOUR, 24 * HOUR)
