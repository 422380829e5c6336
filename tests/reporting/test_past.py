"""What was true of everybody at the end of a day, worked out from the audit: the same as what was true then."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import timedelta
from functools import reduce
from operator import or_

import pytest
from django.utils import timezone

from accounts import site_rule
from accounts.authorization import LastAdministrator, OutOfReach, ShutOut
from accounts.models import User
from accounts.not_me import Claim
from accounts.people import ChangedMeanwhile, report_not_me
from audit.models import AuditEvent
from companies import letting_in, lost_phone
from companies import services as companies_services
from companies.letting_in import APP, APP_BEFORE, CODES
from companies.listing.kinds import Kind
from companies.models import Company, Snapshot
from mfa import services
from mfa.models import Passkey
from mfa.queries import with_factors
from reporting.past import (
    KNOWN,
    as_they_were,
    demanded_at,
    exact_from,
    numbers_at,
    requiring_at,
)
from reporting.taking import end_of, take_snapshot
from tests.companies.listing.test_upkeep import Walk, kind_of
from tests.people import NOW, Person

OFTEN = ("asks", "releases", "reset_of_one")  # what needs another act before it, to do anything
PAST_ACTS = {"bring_in", "many_at_once", "hand_over", "remove"}  # what no act of the product does
DAYS = 3


class Days(Walk):
    """Acts at random, each of which has its line."""

    def reset(self):
        person = self.anybody()
        passkeys = [str(each.pk) for each in Passkey.objects.filter(user=person)][:1]
        lost = self.random.choice(([APP, CODES], [*passkeys], [APP, *passkeys]))
        lost_phone.reset(person, lost=lost, checked="in_person", reason="x", actor=self.admin)

    def back(self):
        """A reset, "This wasn't me", and all put back."""
        person = self.anybody()
        passkeys = [str(each.pk) for each in Passkey.objects.filter(user=person)]
        lost_phone.reset(person, lost=[APP, *passkeys], checked="in_person", reason="x", actor=self.admin)
        self.report(person)
        keep = self.random.choice(([APP_BEFORE, *passkeys], [APP], []))
        letting_in.let_in(person, kept=keep, checked="in_person", reason="x", actor=self.admin)

    def report(self, person=None):
        person = person or self.anybody()
        if event := AuditEvent.objects.filter(subject=person).order_by("-pk").first():
            report_not_me(Claim(event, person.email), about="x")

    def asks(self):
        """Somebody is asked for 2FA by their own switch and by their company."""
        person = self.anybody()
        services.disable_two_factor(person, actor=self.admin)
        services.enable_two_factor(person, actor=self.admin)
        companies_services.enable_company_two_factor(person.company, actor=self.admin)

    def releases(self):
        """No company asks any more."""
        for company in Company.objects.filter(two_factor_enabled=True):
            companies_services.disable_company_two_factor(company, actor=self.admin)

    def reset_of_one(self):
        """Of an app and a passkey, one is lost."""
        person = Person(self.anybody())
        person.set_up_app()
        lost = self.random.choice((APP, CODES, str(person.add_passkey().pk)))
        lost_phone.reset(person.user, lost=[lost], checked="in_person", reason="x", actor=self.admin)

    def site(self):
        act = self.random.choice((site_rule.demand_factor, site_rule.stop_demanding_factor))
        act(actor=self.admin)

    def acts(self):
        named = {name: act for each in (Walk, Days) for name, act in vars(each).items() if not name.startswith("_")}
        others = {"anybody", "company", "new", "acts", "step"}
        once = [name for name in sorted(named) if name not in others | PAST_ACTS]
        return [named[name] for name in (*once, *OFTEN * 3)]

    def step(self, act):
        with suppress(OutOfReach, ShutOut, ChangedMeanwhile, LastAdministrator, services.SetUpMeanwhile, ValueError):
            act(self)


def truth():
    """Everybody's user name, company, and kind as far as it can be worked out, now."""
    everybody = User.objects.get_queryset()
    return {person.pk: (person.username, person.company_id, kind_of(person) & KNOWN) for person in everybody}


def rules():
    return set(Company.objects.filter(two_factor_enabled=True).values_list("pk", flat=True)), site_rule.is_on()


def past(moment):
    """The same of those who were there, worked out."""
    everybody = as_they_were(with_factors(User.objects.get_queryset()), moment)
    found = {}
    for one in everybody:
        assert one.fits, one
        if one.there:
            found[one.person.pk] = (one.values["username"], one.company_id, one.kind)
    return found


def of_snapshot(day):
    """What was kept of a day, by company and kind."""
    rows = Snapshot.objects.filter(day=day, whole=False)
    return {(row.company_id, int(kind)): number for row in rows for kind, (number, _) in row.kinds.items()}


@pytest.mark.parametrize("seed", range(3))
def test_days_of_random_acts_are_worked_out_as_they_were(seed, clock, admin, company, other_company, mailoutbox):
    walk = Days(seed, admin)
    first = NOW.date()
    evenings = {}
    for _ in range(3):
        walk.create()
    for number in range(DAYS):
        for act in walk.random.choices(walk.acts(), k=22):
            clock.shift(60)
            walk.step(act)
        evenings[number] = (timezone.now(), truth(), rules())
        take_snapshot(first + timedelta(days=number))
        clock.move_to(NOW + timedelta(days=number + 1), tick=False)

    for number, (at, people_then, (requiring, demanded)) in evenings.items():
        for moment in (at, end_of(first + timedelta(days=number))):
            assert past(moment) == people_then
            cells = Counter((company_id, kind) for _name, company_id, kind in people_then.values())
            assert numbers_at(moment) == cells == of_snapshot(first + timedelta(days=number))
            assert (requiring_at(moment), demanded_at(moment)) == (requiring, demanded)
            for one in (company, other_company):
                of_one = {cell: number for cell, number in cells.items() if cell[0] == one.pk}
                assert numbers_at(moment, one.pk) == of_one


def test_the_walks_meet_every_kind_that_is_known(admin, company, other_company, mailoutbox):
    met = 0
    for seed in range(4):
        walk = Days(seed, admin)
        walk.number = 1000 * seed
        walk.create()
        walk.create()
        for number, act in enumerate(walk.random.choices([*dict.fromkeys(walk.acts())], k=80)):
            walk.step(act)
            if number % 4 == 0:  # what is true of somebody stays so for some acts
                met |= reduce(or_, (kind for _name, _company, kind in truth().values()))

    assert Kind(met) == KNOWN


def test_whoever_was_changed_past_all_acts_does_not_fit(clock, kim, admin):
    before = timezone.now()
    clock.shift(60)
    services.enable_two_factor(kim.user, actor=admin)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=False)

    (found,) = as_they_were(with_factors(User.objects.filter(pk=kim.user.pk)), before)
    assert found.there
    assert not found.fits


def test_whose_own_switch_goes_off_with_their_companys_stands_as_they_stood(clock, kim, ada, admin, company):
    """Kim's is on one night, and off with her company's the next day; Ada keeps hers, for she has an app."""
    companies_services.enable_company_two_factor(company, actor=admin)
    moments = [timezone.now()]
    for act in (
        lambda: services.enable_two_factor(kim.user, actor=kim.user),
        ada.set_up_app,
        lambda: companies_services.disable_company_two_factor(company, actor=admin),
    ):
        clock.shift(60)
        act()
        moments.append(timezone.now())

    found = []
    for moment in moments:
        people = with_factors(User.objects.filter(username__in=("kim", "ada")).order_by("username"))
        then = list(as_they_were(people, moment))
        assert all(one.fits and one.exact for one in then)
        found.append(tuple(one.values["two_factor_enabled"] for one in then))
    assert found == [(False, False), (False, True), (True, True), (True, False)]


def test_of_a_rule_that_went_off_in_an_earlier_version_it_is_not_said_who_was_asked(clock, kim, ada, admin, company):
    """Its line counted those whose own switch went off. Kim's was one of them; Ada's may have been."""
    services.enable_two_factor(kim.user, actor=admin)
    night = timezone.now()
    clock.shift(60)
    User.objects.filter(pk=kim.user.pk).update(two_factor_enabled=False)
    details = {"changes": {"two_factor_enabled": [True, False]}, "no_longer_asked": 1}
    AuditEvent.objects.create(
        action="company_two_factor_disabled", actor=admin, company=company, details=details, at=timezone.now()
    )
    went_off = timezone.now()
    services.enable_two_factor(ada.user, actor=admin)
    clock.shift(60)

    people = with_factors(User.objects.filter(username__in=("kim", "ada", "petra")).order_by("username"))
    for moment in (night - timedelta(seconds=60), night):
        then = list(as_they_were(people, moment))
        assert [(one.fits, one.exact) for one in then] == [(True, False), (True, False), (True, True)]
        assert exact_from(moment) == went_off
    assert exact_from(went_off) is None


@pytest.mark.parametrize("lost", ["passkey", "codes"])
def test_a_reset_that_leaves_the_app_in_place_takes_no_app_back(clock, kim, admin, lost):
    kim.set_up_app()
    lost = CODES if lost == "codes" else str(kim.add_passkey().pk)
    had = int(lost != CODES)
    before = timezone.now()
    clock.shift(60)
    lost_phone.reset(kim.user, lost=[lost], checked="in_person", reason="x", actor=admin)

    (found,) = as_they_were(with_factors(User.objects.filter(pk=kim.user.pk)), before)
    assert found.fits
    assert (found.values["authenticator_apps"], found.values["passkeys"]) == (1, had)
