"""`manage.py snapshot`: the numbers of a day, kept once, whenever and however often it is asked for."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection, transaction
from django.utils import timezone

from accounts import site_rule
from companies import services as companies_services
from companies.listing.kinds import Kind
from companies.models import Snapshot
from m2v import nightly
from mfa import services
from reporting.taking import MOST_MISSED, NotYet, end_of, take_missing, take_snapshot
from tests.people import NOW, PASSWORD, Person

TODAY = NOW.date()
A_DAY = timedelta(days=1)


def snapshot(*arguments):
    """What the command says."""
    out = StringIO()
    call_command("snapshot", *arguments, stdout=out)
    return out.getvalue().strip()


def of(day, company=None, *, whole=False):
    return Snapshot.objects.get(day=day, company=company, whole=whole)


@pytest.fixture
def morning(clock):
    """The next day, a quarter past midnight."""

    def come(days=1):
        clock.move_to(end_of(TODAY + timedelta(days=days - 1)) + timedelta(minutes=15), tick=False)

    return come


def test_people_are_counted_by_kind_and_company(clock, kim, admin, company, other_company, make_user, morning):
    services.enable_two_factor(kim.user, actor=admin)
    make_user("ben", company=other_company)
    companies_services.enable_company_two_factor(other_company, actor=admin)
    site_rule.demand_factor(actor=admin)
    morning()
    assert snapshot() == "Kept: 2026-05-04."

    asked, plain, head = Kind.ACTIVE | Kind.OWN_SWITCH, Kind.ACTIVE, Kind.ACTIVE | Kind.ADMINISTRATOR
    assert of(TODAY, company).kinds == {str(int(asked)): [1, 0]}
    assert of(TODAY, other_company).kinds == {str(int(plain)): [1, 1]}
    assert of(TODAY).kinds == {str(int(head)): [1, 0]}
    whole = of(TODAY, whole=True)
    assert whole.kinds == {str(int(asked)): [1, 0], str(int(plain)): [1, 1], str(int(head)): [1, 0]}
    assert whole.demanded
    assert whole.until == end_of(TODAY)


def test_what_happened_after_midnight_is_of_the_next_day(clock, kim, admin, company, morning):
    morning()
    services.enable_two_factor(kim.user, actor=admin)
    assert take_missing() == [TODAY]

    assert of(TODAY, company).kinds == {str(int(Kind.ACTIVE)): [1, 0]}


def test_logins_and_failures_of_the_day_are_counted_by_method(clock, kim, make_person, company, morning):
    kim.set_up_app()
    kim.enter_password()
    kim.enter_code()
    ben = make_person("ben", company=None, role="helpdesk")
    for password in ("wrong", PASSWORD, PASSWORD):
        Person(ben.user).enter_password(password)
    Person(kim.user).client.post("/login/", {"username": "nobody", "password": "wrong"})
    morning()
    Person(ben.user).enter_password()
    take_missing()

    assert of(TODAY, company).logins == {"password+totp": 1}
    assert of(TODAY, company).failures == {}
    assert of(TODAY).logins == {"password": 2}
    assert of(TODAY).failures == {"password WrongPassword": 2}
    assert of(TODAY, whole=True).logins == {"password": 2, "password+totp": 1}
    assert of(TODAY, whole=True).failures == {"password WrongPassword": 2}


def test_once_a_day_is_enough_and_twice_does_no_harm(clock, kim, admin, morning):
    morning()
    assert take_snapshot(TODAY)
    services.enable_two_factor(kim.user, actor=admin)
    kept = list(Snapshot.objects.values())

    assert not take_snapshot(TODAY)
    assert snapshot() == snapshot("--day", "2026-05-04") == "These numbers are kept already."
    assert list(Snapshot.objects.values()) == kept


def test_a_day_that_is_not_over_is_kept_as_it_is_now_and_anew_later(clock, kim, admin, company, morning):
    assert snapshot("--day", "2026-05-04") == "Kept: 2026-05-04."
    assert of(TODAY, company).until == timezone.now()
    clock.shift(60)
    services.enable_two_factor(kim.user, actor=admin)
    morning()

    assert take_missing() == [TODAY]
    assert of(TODAY, company).kinds == {str(int(Kind.ACTIVE | Kind.OWN_SWITCH)): [1, 0]}
    assert of(TODAY, company).until == end_of(TODAY)


def test_days_that_were_missed_are_made_good_as_far_as_a_month(clock, kim, morning):
    assert take_missing() == [TODAY - A_DAY]
    morning(4)
    assert take_missing() == [TODAY + number * A_DAY for number in range(4)]
    assert take_missing() == []
    morning(100)

    assert len(take_missing()) == MOST_MISSED + 1


def test_a_day_that_has_not_begun_or_is_none_is_refused(clock, kim):
    with pytest.raises(NotYet):
        take_snapshot(TODAY + A_DAY)
    with pytest.raises(CommandError, match="has not begun"):
        snapshot("--day", "2026-05-05")
    for odd in ("yesterday", "2026-02-30", "04.05.2026"):
        with pytest.raises(CommandError, match="2026-11-27"):
            snapshot("--day", odd)


def test_the_worker_keeps_them_and_what_fails_is_logged(clock, kim, morning, caplog, django_assert_max_num_queries):
    morning()
    nightly.once()
    assert Snapshot.objects.filter(day=TODAY, whole=True).exists()
    with django_assert_max_num_queries(2):
        nightly.once()
    assert not caplog.records

    with transaction.atomic(), connection.execute_wrapper(away):
        nightly.once()
    assert [record.message for record in caplog.records] == ["the numbers of a day could not be kept"]


@pytest.mark.parametrize(("months", "left"), [(0, [0, 30, 62, 63]), (2, [0, 30, 62]), (3, [0, 30, 62, 63])])
def test_they_are_kept_for_as_many_months_as_the_setting_says(clock, db, settings, months, left):
    for number in (0, 30, 62, 63):
        Snapshot.objects.create(day=TODAY - number * A_DAY, whole=True, until=timezone.now())
    settings.SNAPSHOT_MONTHS = months

    nightly.delete_old()

    assert [(TODAY - day).days for day in Snapshot.objects.order_by("-day").values_list("day", flat=True)] == left


def away(*_statement):
    raise OperationalError("The database is away.")


def test_nobody_is_named_in_it(clock, kim, admin, morning):
    Person(kim.user).enter_password()
    morning()
    take_missing()

    kept = json.dumps(list(Snapshot.objects.values("kinds", "logins", "failures")))
    for person in (kim.user, admin):
        for word in (str(person.pk), person.username, person.email):
            assert word not in kept
    assert {field.name for field in Snapshot._meta.fields if field.is_relation} == {"company"}
