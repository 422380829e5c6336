"""Numbers that stand side by side are of one moment, on a real database, while somebody else writes."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import timedelta
from threading import Thread

import pytest
from django.db import DatabaseError, connection, connections, transaction

from accounts.models import User
from accounts.one_moment import one_moment
from companies.bulk import choosing
from companies.listing.kinds import Kind
from companies.models import Snapshot
from mfa import services
from mfa.queries import with_factors
from reporting.past import as_they_were
from reporting.taking import take_snapshot
from tests.companies import read
from tests.people import NOW

pytestmark = pytest.mark.django_db(transaction=True)


@contextmanager
def meanwhile(act, *, behind):
    """Within, somebody else does `act` right after the first statement here that reads the table `behind`."""
    done = []

    def as_somebody_else():
        try:
            act()
        finally:
            connections.close_all()

    def watch(execute, statement, *more):
        answer = execute(statement, *more)
        if not done and behind in statement:
            done.append(Thread(target=as_somebody_else))
            done[0].start()
            done[0].join()
        return answer

    with connection.execute_wrapper(watch):
        yield
    assert done


def words_of(answer):
    assert answer.status_code == 200
    return read(answer).words


def test_a_snapshot_counts_everybody_once_while_people_change(clock, kim, ada, admin, company):
    clock.shift(timedelta(days=1))

    with meanwhile(lambda: services.enable_two_factor(kim.user, actor=admin), behind="companies_tally"):
        assert take_snapshot(NOW.date())

    assert Snapshot.objects.get(company=company).kinds == {str(int(Kind.ACTIVE)): [2, 0]}


@pytest.mark.parametrize(
    ("page", "behind"),
    [
        ("/settings/", "companies_total"),
        ("/settings/administration/activity/day/", "companies_tally"),
        ("/settings/administration/companies/{company}/", "companies_tally"),
        ("/settings/administration/companies/{company}/two-factor/off/", "companies_tally"),
        ("/settings/administration/companies/{company}/two-factor/on/", "companies_tally"),
        ("/settings/administration/rule/on/", "companies_total"),
    ],
)
def test_a_page_shows_one_moment(clock, kim, ada, administrator, company, page, behind):
    take_snapshot(NOW.date() - timedelta(days=1))
    address = page.format(company=company.pk)
    clock.shift(timedelta(days=1))
    administrator.sign_in()
    before = words_of(administrator.client.get(address))

    def act():
        services.enable_two_factor(ada.user, actor=administrator.user)
        services.request_passkey(kim.user, actor=administrator.user)

    with meanwhile(act, behind=behind):
        answer = administrator.client.get(address)

    assert words_of(answer) == before


def test_the_counts_of_an_act_on_many_are_of_one_moment(kim, ada, administrator):
    User.objects.filter(pk=ada.user.pk).update(email="", email_folded="")
    run = choosing.from_ticked(administrator.user, "remind", [str(kim.user.pk), str(ada.user.pk)])
    services.enable_two_factor(kim.user, actor=administrator.user)
    administrator.sign_in()
    address = f"/settings/administration/users/bulk/{run.pk}/"
    before = words_of(administrator.client.get(address))

    def act():
        services.disable_two_factor(kim.user, actor=administrator.user)
        services.enable_two_factor(ada.user, actor=administrator.user)

    with meanwhile(act, behind="companies_listing"):
        answer = administrator.client.get(address)

    assert words_of(answer) == before


def test_a_past_day_calls_nobody_changed_past_the_product_who_changes_meanwhile(clock, kim, admin):
    clock.shift(60)
    moment = NOW + timedelta(seconds=30)
    everybody = with_factors(User.objects.filter(pk=kim.user.pk))

    with meanwhile(lambda: services.enable_two_factor(kim.user, actor=admin), behind="accounts_user"):
        [past] = as_they_were(everybody.iterator(), moment)

    assert past.fits
    assert not past.values["two_factor_enabled"]


def test_nobody_who_writes_waits_for_it_and_nothing_is_written_within(kim, admin):
    def act():
        services.enable_two_factor(kim.user, actor=admin)

    with one_moment(), meanwhile(act, behind="accounts_user"):
        User.objects.get(pk=kim.user.pk)
        with one_moment():  # which is the same one
            assert not User.objects.get(pk=kim.user.pk).two_factor_enabled
    assert User.objects.get(pk=kim.user.pk).two_factor_enabled

    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), one_moment():
            User.objects.filter(pk=kim.user.pk).update(first_name="Someone")
    with transaction.atomic():  # and afterwards all is as ever
        User.objects.filter(pk=kim.user.pk).update(first_name="Kim")
