"""How many of a company or of the whole site are set up, are asked, or are not asked."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from companies.listing.numbers import numbers_for
from companies.models import Company
from companies.queries import Coverage, count_people
from mfa.queries import State
from tests.companies import COMPANIES, read
from tests.people import Person


def coverage(set_up, asked, off, individually=0):
    return Coverage(
        {
            "all": set_up + asked + off,
            State.SET_UP: set_up,
            State.ASKED: asked,
            State.OFF: off,
            "individually": individually,
        }
    )


@pytest.fixture
def mixed(make_person, company):
    """Two set up, one asked by their own switch, three off; and three who are deactivated."""
    for name in ("app1", "app2", "gone_app"):
        make_person(name).set_up_app()
    for name, own in (("own", True), ("off1", False), ("off2", False), ("off3", False), ("gone_own", True)):
        make_person(name, two_factor_enabled=own)
    make_person("gone_off")
    User.objects.filter(username__startswith="gone").update(is_active=False)
    return company


def test_everybody_active_is_counted_once(mixed, admin):
    counted = Coverage.of(numbers_for(admin, mixed))

    assert (counted.all, counted.set_up, counted.asked, counted.off) == (6, 2, 1, 3)
    assert (counted.not_set_up, counted.individually) == (4, 1)


def test_a_company_that_requires_it_asks_everybody_who_is_not_set_up(mixed, admin):
    Company.objects.filter(pk=mixed.pk).update(two_factor_enabled=True)
    mixed.refresh_from_db()
    counted = Coverage.of(numbers_for(admin, mixed))

    assert (counted.set_up, counted.asked, counted.off) == (2, 4, 0)
    assert (counted.not_set_up, counted.individually) == (4, 1)


def test_nobody_is_nothing_of_nothing(company, admin):
    counted = Coverage.of(numbers_for(admin, company))

    assert (counted.all, counted.set_up, counted.not_set_up, counted.percent) == (0, 0, 0, 0)
    assert counted.bars == []


@pytest.mark.parametrize(
    ("set_up", "rest", "percent"),
    [(0, 3, 0), (1, 2, 33), (2, 1, 67), (3, 0, 100), (1, 999, 0), (1, 199, 0)],
)
def test_the_percentage_is_rounded(set_up, rest, percent):
    assert coverage(set_up, 0, rest).percent == percent


@pytest.mark.parametrize(("set_up", "rest"), [(999, 1), (99_999, 1), (200, 1)])
def test_the_percentage_is_a_hundred_only_when_everybody_is_set_up(set_up, rest):
    assert coverage(set_up, rest, 0).percent < 100


def test_the_bars_follow_each_other_and_fill_the_whole():
    assert coverage(1, 2, 1).bars == [
        ("ok", "0.00%", "25.00%"),
        ("wait", "25.00%", "50.00%"),
        ("off", "75.00%", "25.00%"),
    ]


def test_a_bar_of_nobody_is_not_drawn():
    assert coverage(1, 0, 3).bars == [("ok", "0.00%", "25.00%"), ("off", "25.00%", "75.00%")]


def test_each_company_comes_with_its_numbers(mixed, admin, other_company, make_user):
    make_user("nora", company=other_company)

    counted = count_people(Company.objects.order_by("name"), admin)
    assert [(company.name, company.people, company.set_up) for company in counted] == [
        ("Acme Machines", 6, 2),
        ("Nordwind Fördertechnik GmbH", 1, 0),
    ]


def test_a_company_without_people_counts_none(admin, other_company):
    [counted] = count_people([other_company], admin)

    assert (counted.people, counted.set_up) == (0, 0)


def test_an_app_that_waits_for_its_code_does_not_count(mixed, admin):
    Person(User.objects.get(username="app1")).user.authenticator_apps.update(confirmed=False)

    assert Coverage.of(numbers_for(admin, mixed)).set_up == 1
    assert count_people(Company.objects.all(), admin)[0].set_up == 1


def test_the_overview_says_how_well_everybody_is_protected(administrator, mixed):
    page = read(administrator.client.get("/settings/"))

    assert "29% of 7 users are set up" in page.words  # Petra is one of them
    assert "2 set up" in page.words
    assert "1 required, not set up yet" in page.words
    assert "4 not asked" in page.words
    picture = next(found for found in page.all("svg") if found.attrs.get("role") == "img")
    assert picture.label == "2 of 7 users are set up; 1 required, not set up yet; 4 not asked"
    assert "Acme Machines 2 of 6 set up" in page.words


def test_the_overview_of_one_person_speaks_of_one(administrator):
    assert "0% of 1 user is set up" in read(administrator.client.get("/settings/")).words


def test_the_overview_leads_to_those_who_are_counted(administrator, mixed):
    links = read(administrator.client.get("/settings/")).links

    assert links["1 person will be asked"].endswith("users/?show=asked")
    shown = administrator.client.get(links["Users without two-factor authentication: 5"]).context["list"]
    assert shown.number == 5, "one who is asked, and four who are not"
    assert links["Acme Machines"] == f"{COMPANIES}{mixed.pk}/"


def test_the_overview_shows_a_company_administrator_their_own_company_only(carla, mixed, other_company, make_user):
    make_user("nora", company=other_company)
    make_user("boss", role=Role.ADMINISTRATOR)
    page = read(carla.client.get("/settings/"))

    assert "of 7 users are set up" in page.words
    assert "Nordwind" not in page.words


def test_the_overview_without_any_company_says_so(administrator):
    Company.objects.all().delete()

    assert "There is no company yet." in read(administrator.client.get("/settings/")).words


def test_the_overview_names_the_companies_that_require_it(administrator, company, other_company, make_user):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=True)
    make_user("kim")
    make_user("nora", company=other_company)
    page = read(administrator.client.get("/settings/"))

    assert "Acme Machines 2FA required 0 of 1 set up, 1 asked" in page.words
    assert "Nordwind Fördertechnik GmbH 0 of 1 set up, 1 not asked" in page.words


@pytest.mark.parametrize("address", ["/settings/", COMPANIES])
def test_these_pages_cost_the_same_however_many_companies_there_are(administrator, mixed, address):
    def statements():
        with CaptureQueriesContext(connection) as made:
            read(administrator.client.get(address))
        return len(made)

    few = statements()
    Company.objects.bulk_create(Company(name=f"Company {number}") for number in range(20))

    assert statements() == few
    assert few <= (22 if address == "/settings/" else 5)  # session, person, numbers or count, companies, their people
