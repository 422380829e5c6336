"""Who a request is from: the person who finished every step, or nobody; in views of every kind, whatever logged them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path

from accounts.models import Session, User
from audit.models import AuditEvent
from m2v.urls import urlpatterns as site
from mfa import services
from tests.mfa.pages import CHALLENGE, CREATE, SETUP, audit_of, refusals_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.people import Person


def names(request: Any) -> dict[str, Any]:
    """How a view sees the two people of its request."""
    return {
        "user": request.user.username if request.user.is_authenticated else None,
        "claimant": request.claimant.username if request.claimant.is_authenticated else None,
    }


@login_not_required
def public(request: HttpRequest) -> HttpResponse:
    return JsonResponse(names(request))


@login_not_required
async def public_async(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return JsonResponse({"user": user.get_username() or None})


def guarded(request: HttpRequest) -> HttpResponse:
    return HttpResponse("in")


async def guarded_async(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(user.get_username())


@login_not_required
def another_way_in(request: HttpRequest) -> HttpResponse:
    """A backend that knows nothing of the steps: a magic link, single sign-on, a token."""
    login(request, User.objects.get(username=request.GET["who"]))
    return HttpResponse("logged in")


@login_not_required
def untouched(request: HttpRequest) -> HttpResponse:
    return HttpResponse("nobody was asked about")


urlpatterns = [
    path("test/public/", public),
    path("test/public-async/", public_async),
    path("test/guarded/", guarded),
    path("test/guarded-async/", guarded_async),
    path("test/another-way-in/", another_way_in),
    path("test/untouched/", untouched),
    *site,
]

pytestmark = pytest.mark.urls(__name__)


def people_of(person: Person) -> Any:
    return person.client.get("/test/public/").json()


def test_a_stranger_is_nobody(kim):
    assert people_of(kim) == {"user": None, "claimant": None}
    assert kim.client.get("/test/guarded/").status_code == 302


def test_a_claimant_is_named_and_not_believed(kim_with_app):
    kim_with_app.enter_password()

    assert people_of(kim_with_app) == {"user": None, "claimant": "kim"}
    assert kim_with_app.client.get("/test/guarded/").status_code == 302


def test_who_finished_every_step_is_the_user_and_claims_nothing(kim_with_app):
    kim_with_app.sign_in()

    assert people_of(kim_with_app) == {"user": "kim", "claimant": None}
    assert kim_with_app.client.get("/test/guarded/").content == b"in"


def test_async_views_meet_the_same_people(kim_with_app):
    assert kim_with_app.client.get("/test/public-async/").json() == {"user": None}
    kim_with_app.enter_password()
    assert kim_with_app.client.get("/test/public-async/").json() == {"user": None}
    assert kim_with_app.client.get("/test/guarded-async/").status_code == 302
    kim_with_app.enter_code()

    assert kim_with_app.client.get("/test/public-async/").json() == {"user": "kim"}
    assert kim_with_app.client.get("/test/guarded-async/").content == b"kim"


# --- V10: every other door ends before the steps ---


@pytest.mark.row("V10")
@pytest.mark.parametrize("door", ["force_login", "another backend"])
def test_any_login_is_a_first_factor_and_no_more(kim_with_app, admin, door):
    def come() -> None:
        if door == "force_login":
            kim_with_app.client.force_login(kim_with_app.user)
        else:
            kim_with_app.client.get("/test/another-way-in/?who=kim")

    come()
    assert people_of(kim_with_app) == {"user": None, "claimant": "kim"}
    assert kim_with_app.asked_for == CHALLENGE
    assert kim_with_app.enter_code().headers["Location"] == "/"
    assert kim_with_app.is_in


@pytest.mark.row("V10")
def test_another_way_in_does_not_skip_what_is_required(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.client.get("/test/another-way-in/?who=kim")

    assert not kim.is_in
    assert kim.asked_for == SETUP


def test_another_way_in_lets_in_whoever_owes_nothing_and_writes_it_down(kim):
    kim.client.get("/test/another-way-in/?who=kim")

    assert kim.is_in
    assert audit_of(kim.user) == [("signed_in", "kim")]
    assert AuditEvent.objects.get().details["methods"] == ["password"]
    assert User.objects.get(pk=kim.user.pk).last_sign_in_at


@pytest.mark.row("WA-08")
def test_a_question_to_a_stranger_is_not_answered_by_whoever_came_another_way(kim):
    """Django's own login() keeps what the session of a stranger held."""
    kim.add_passkey()
    kim.set_up_app()
    question = kim.json("/passkeys/authentication/options/", {}).json()
    kim.client.get("/test/another-way-in/?who=kim")

    answer = kim.json("/passkeys/authentication/", {"credential": kim.authenticator.get(question)})

    assert answer.json()["error"] == "passkey_refused"
    assert refusals_of(kim.user) == ["The question was asked of somebody else."]
    assert not kim.is_in


def test_another_way_in_as_somebody_else_ends_the_first_ones_session(kim, ada):
    kim.sign_in()
    ada.set_up_app()
    kim.client.get("/test/another-way-in/?who=ada")

    assert people_of(kim) == {"user": None, "claimant": "ada"}


# --- A login half-way ---


def test_a_login_that_is_done_goes_on_after_ten_minutes(kim_with_app, clock):
    kim_with_app.sign_in()
    clock.shift(601)

    assert people_of(kim_with_app)["user"] == "kim"


def test_the_rules_are_read_anew_at_every_request_of_a_half_way_login(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    services.request_passkey(kim.user, actor=admin)
    kim.enter_password()
    assert kim.asked_for == SETUP
    services.disable_two_factor(kim.user, actor=admin)
    assert kim.asked_for == CREATE
    services.delete_passkey_request(kim.user, actor=admin)

    assert people_of(kim) == {"user": "kim", "claimant": None}
    assert [line for line in audit_of(kim.user) if line[0] == "signed_in"] == [("signed_in", "kim")]


def test_a_session_that_is_deleted_is_nobodys(kim):
    kim.sign_in()
    Session.objects.all().delete()

    assert people_of(kim) == {"user": None, "claimant": None}


@pytest.mark.row("V22")
def test_a_session_signed_with_an_old_password_is_nobodys(kim):
    kim.sign_in()
    kim.user.set_password("another long password")
    kim.user.save()

    assert people_of(kim) == {"user": None, "claimant": None}


# --- What it costs ---


def statements(person: Person, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert person.client.get(address).status_code in {200, 302}
    return sum(not is_transaction(query["sql"]) for query in queries)


def is_transaction(sql: str) -> bool:
    return sql.startswith(("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE"))


def sessions_of_every_kind(kim: Person) -> Iterator[tuple[str, int]]:
    """For strangers, claimants and signed-in people: what a view costs that asks who they are."""
    yield "stranger", statements(kim, "/test/public/")
    kim.enter_password()
    yield "claimant", statements(kim, "/test/public/")
    kim.enter_code()
    yield "user", statements(kim, "/test/public/")


def test_a_finished_login_costs_the_session_and_the_user_and_nothing_more(kim_with_app):
    assert dict(sessions_of_every_kind(kim_with_app)) == {"stranger": 0, "claimant": 2, "user": 1}


def test_who_is_not_asked_about_costs_nothing(kim):
    """A stranger's request for a public page meets no database."""
    assert statements(kim, "/test/untouched/") == 0
