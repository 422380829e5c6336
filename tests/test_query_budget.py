"""What the database is asked, pinned: a page, a login, a list. Statements that only begin or end transactions are free."""

from __future__ import annotations

import re
from contextlib import contextmanager
from datetime import timedelta
from time import time
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.test.utils import CaptureQueriesContext
from django.urls import path
from django.utils import timezone

from accounts.models import User
from companies import services as companies
from companies.models import Company
from m2v.urls import urlpatterns as site
from mfa import services
from reporting.taking import take_snapshot
from tests.companies import HTMX
from tests.people import PASSWORD, Person

if TYPE_CHECKING:
    from collections.abc import Iterator

TRANSACTIONS = ("BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE")


def idle(request: HttpRequest) -> HttpResponse:
    """A page for signed-in people that does no work of its own."""
    return HttpResponse(request.user.get_username())


urlpatterns = [path("idle/", idle), *site]

pytestmark = [pytest.mark.urls(__name__), pytest.mark.django_db]


@contextmanager
def statements() -> Iterator[list[str]]:
    """What is asked of the database within, known once it is done."""
    asked: list[str] = []
    with CaptureQueriesContext(connection) as queries:
        yield asked
    asked += [query["sql"] for query in queries if not query["sql"].startswith(TRANSACTIONS)]


def test_a_signed_in_page_costs_one_statement_for_its_session_its_user_and_their_company(kim):
    kim.sign_in()
    with statements() as asked:
        assert kim.client.get("/idle/").content == b"kim"

    assert len(asked) == 1, asked
    for table in ("accounts_session", "accounts_user", "companies_company"):
        assert table in asked[0]


def test_the_login_page_asks_nothing(kim):
    with statements() as asked:
        assert kim.client.get("/login/").status_code == 200

    assert asked == []


def test_a_login_with_password_and_code(kim):
    kim.set_up_app()
    spent = {}
    with statements() as spent["GET login"]:
        kim.client.get("/login/")
    with statements() as spent["POST login"]:
        kim.client.post("/login/", {"username": "kim", "password": PASSWORD})
    with statements() as spent["GET challenge"]:
        kim.client.get("/login/challenge/")
    with statements() as spent["POST challenge"]:
        assert kim.enter_code().headers["Location"] == "/"
    with statements() as spent["landing"]:
        assert kim.client.get("/idle/").status_code == 200

    numbers = {page: len(asked) for page, asked in spent.items()}
    assert numbers["GET login"] == 0
    assert numbers["landing"] == 1
    assert sum(numbers.values()) <= 18, spent


def test_a_login_with_password_alone(kim):
    with statements() as asked:
        kim.enter_password()
        assert kim.client.get("/idle/").status_code == 200

    assert len(asked) <= 9, asked


def test_a_login_with_a_passkey(kim):
    kim.add_passkey()
    spent = {}
    with statements() as spent["options"]:
        options = kim.json("/passkeys/authentication/options/", {}).json()
    credential = kim.authenticator.get(options)
    with statements() as spent["answer"]:
        assert kim.json("/passkeys/authentication/", {"credential": credential}).json() == {"next": "/"}
    with statements() as spent["landing"]:
        assert kim.client.get("/idle/").status_code == 200

    assert len(spent["landing"]) == 1
    assert sum(len(asked) for asked in spent.values()) <= 14, spent


def test_being_seen_costs_one_statement_a_minute(kim, time_machine):
    kim.sign_in()
    time_machine.move_to(time() + 61)
    costs = []
    for _ in range(3):
        with statements() as asked:
            kim.client.get("/idle/")
        costs.append(len(asked))

    assert costs == [2, 1, 1]


def test_the_list_of_ones_sessions_costs_the_same_for_1_and_for_20(kim):
    kim.sign_in()
    with statements() as one:
        kim.client.get("/user-settings/")
    for _ in range(19):
        Person(kim.user).sign_in()
    with statements() as many:
        assert kim.client.get("/user-settings/").content.count(b"Chrome on Linux</strong>") == 20

    assert len(one) == len(many), (one, many)


def test_a_wrong_password_costs_the_same_for_everybody_and_for_nobody(kim, make_person):
    """No more is asked about somebody who exists than about somebody who does not, but the one line in the audit."""
    kim.set_up_app()
    kim.add_passkey()
    make_person("plain")
    costs = {}
    for name in ("kim", "plain", "nobody"):
        with statements() as asked:
            kim.client.post("/login/", {"username": name, "password": "wrong"})
        costs[name] = len(asked)

    assert set(costs.values()) == {costs["nobody"]}, costs


def crowd(company: Company, admin: User, number: int, start: int = 0) -> None:
    """People in every state."""
    for n in range(start, start + number):
        person = Person(User.objects.create_user(f"person{n}", company=company, first_name="P", last_name=str(n)))
        if n % 3 == 0:
            person.set_up_app()
        if n % 2 == 0:
            person.add_passkey()
        if n % 4 == 0:
            services.request_passkey(person.user, actor=admin)


@pytest.mark.parametrize(
    "query",
    ["", "?q=person", "?sort=last", "?sort=company", "?sort=role", "?show=set_up", "?show=asked", "?show=requested"],
)
def test_the_list_of_users_costs_the_same_for_3_and_for_40(administrator, admin, company, query):
    address = f"/settings/administration/users/{query}"
    crowd(company, admin, 6)
    with statements() as few:
        assert administrator.client.get(address).status_code == 200
    crowd(company, admin, 40, start=6)
    with statements() as many:
        assert administrator.client.get(address).status_code == 200

    assert len(few) == len(many), (few, many)
    assert len(many) <= 2 + 7, many


def test_the_window_over_the_list_costs_the_same_for_3_and_for_40(administrator, admin, company, kim):
    address = f"/settings/administration/users/{kim.user.pk}/mfa/"
    crowd(company, admin, 6)
    with statements() as few:
        assert administrator.client.get(address).status_code == 200
    crowd(company, admin, 40, start=6)
    with statements() as many:
        assert administrator.client.get(address).status_code == 200

    assert len(few) == len(many), (few, many)


@pytest.mark.parametrize(
    ("act", "from_the_list"),
    [
        ("users/{user}/mfa/", True),
        ("users/{user}/mfa/two-factor/on/", True),
        ("users/{user}/lock/", True),
        ("users/{user}/lock/?on=user", False),
        ("companies/{company}/sign-out/", False),
    ],
)
def test_a_dialog_asks_nothing_of_the_list_and_alone_nothing_of_any_page_behind(
    act, from_the_list, administrator, kim, company
):
    address = "/settings/administration/" + act.format(user=kim.user.pk, company=company.pk)
    with statements() as alone:
        assert "<html" not in administrator.client.get(address, **HTMX).content.decode()
    with statements() as both:
        assert "<html" in administrator.client.get(address).content.decode()

    if from_the_list:
        assert len(both) == len(alone), (alone, both)
        return
    with statements() as page:
        administrator.client.get(re.sub(r"(lock|sign-out)/.*", "", address))
    behind = len(both) - len(alone)
    assert behind >= len(page) - 3, (alone, both)  # both ask for session and person; the company is found once


def test_the_window_costs_the_same_for_one_and_for_ten_passkeys(administrator, kim):
    address = f"/settings/administration/users/{kim.user.pk}/mfa/"
    kim.add_passkey()
    with statements() as one:
        administrator.client.get(address)
    for _ in range(9):
        kim.add_passkey()
    with statements() as ten:
        administrator.client.get(address)

    assert len(one) == len(ten), (one, ten)


def test_the_list_of_companies_costs_the_same_for_3_and_for_40(administrator, admin, company):
    address = "/settings/administration/companies/"

    def found(number: int, start: int) -> None:
        for n in range(start, start + number):
            made = Company.objects.create(name=f"Company {n}", two_factor_enabled=n % 2 == 0)
            crowd(made, admin, 2, start=1000 + 2 * n)

    found(2, 0)
    with statements() as few:
        assert administrator.client.get(address).status_code == 200
    found(20, 2)
    with statements() as many:
        assert administrator.client.get(address).status_code == 200

    assert len(few) == len(many), (few, many)
    assert len(many) <= 2 + 2, many


def test_a_companys_page_costs_the_same_for_3_and_for_40(administrator, admin, company):
    address = f"/settings/administration/companies/{company.pk}/"
    crowd(company, admin, 3)
    with statements() as few:
        assert administrator.client.get(address).status_code == 200
    crowd(company, admin, 40, start=3)
    with statements() as many:
        assert administrator.client.get(address).status_code == 200

    assert len(few) == len(many), (few, many)


@pytest.mark.parametrize("act", ["two-factor/on/", "two-factor/off/", "sign-out/"])
def test_a_companys_confirmation_with_its_page_behind_costs_the_same_for_3_and_for_40(
    administrator, admin, company, act
):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)
    address = f"/settings/administration/companies/{company.pk}/{act}"

    def own_switches(number: int, start: int) -> None:
        crowd(company, admin, number, start)
        User.objects.filter(company=company).update(two_factor_enabled=True)

    own_switches(6, 0)
    with statements() as few:
        assert "<html" in administrator.client.get(address).content.decode()
    own_switches(40, 6)
    with statements() as many:
        assert administrator.client.get(address).status_code == 200

    assert len(few) == len(many), (few, many)
    assert len(many) <= 2 + 20, many


def test_the_overview_costs_the_same_for_3_and_for_40_and_after_one_day_and_after_twenty(administrator, admin, company):
    today = timezone.localdate()
    crowd(company, admin, 6)
    take_snapshot(today - timedelta(days=1))
    with statements() as few:
        assert administrator.client.get("/settings/").status_code == 200
    crowd(company, admin, 40, start=6)
    for days in range(2, 22):
        take_snapshot(today - timedelta(days=days))
    with statements() as many:
        assert administrator.client.get("/settings/").status_code == 200

    assert len(few) == len(many), (few, many)
    assert len(many) <= 2 + 21, many


@pytest.mark.parametrize("on", [True, False])
def test_a_companys_switch_costs_the_same_for_3_and_for_40(admin, company, on):
    def switch() -> list[str]:
        companies.enable_company_two_factor(company, actor=admin)
        if on:
            companies.disable_company_two_factor(company, actor=admin)
        act = companies.enable_company_two_factor if on else companies.disable_company_two_factor
        with statements() as asked:
            act(company, actor=admin, sessions=services.Sessions.END)
        return asked

    crowd(company, admin, 3)
    few = switch()
    crowd(company, admin, 40, start=3)

    assert len(few) == len(switch())
