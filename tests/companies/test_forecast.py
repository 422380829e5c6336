"""Whom a company's rule will meet is counted before it is thrown, and is whom it then meets."""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from html import unescape
from random import Random
from uuid import uuid4

import pytest
from django.utils import timezone

from accounts import people, site_rule
from accounts.models import Role, SiteRule, User
from companies import services
from companies.forecast import of_releasing, of_requiring
from companies.listing.numbers import numbers_for
from companies.models import Company
from companies.services import Individuals
from mfa.forecast import Outcome, outcome
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from mfa.queries import circumstances_of, with_holdings
from tests.mfa.pages import words

NUMBER = 2500  # of people in each of four companies


def crowd(company: Company, number: int, dice: Random) -> None:
    """Many people of `company` in every state there is, in a few statements."""
    now = timezone.now()
    crowd = User.objects.bulk_create(
        User(
            username=f"p{n}.{uuid4().hex}",
            password="!" if dice.random() < 0.1 else "x",
            company=company,
            role=Role.COMPANY_ADMINISTRATOR if dice.random() < 0.01 else Role.MEMBER,
            is_active=dice.random() < 0.95,
            locked_at=now if dice.random() < 0.03 else None,
            two_factor_enabled=dice.random() < 0.3,
            last_sign_in_at=now if dice.random() < 0.7 else None,
        )
        for n in range(number)
    )
    having = {kind: [user for user in crowd if dice.random() < share] for kind, share in SHARES.items()}
    AuthenticatorApp.objects.bulk_create(
        AuthenticatorApp(user=user, key=b"k", confirmed=True, disabled_at=now if dice.random() < 0.1 else None)
        for user in having["app"]
    )
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, sealed_digest=b"d") for user in having["app"] if dice.random() < 0.8
    )
    Passkey.objects.bulk_create(
        Passkey(user=user, name="Key", credential_id=user.pk.bytes, public_key=b"p") for user in having["passkey"]
    )
    PasskeyRequest.objects.bulk_create(PasskeyRequest(user=user) for user in having["request"])
    AccessPass.objects.bulk_create(
        AccessPass(
            user=user,
            digest=b"d",
            epoch=0,
            until=now + timezone.timedelta(hours=1) if dice.random() < 0.5 else None,
        )
        for user in having["pass"]
    )


SHARES = {"app": 0.4, "passkey": 0.2, "request": 0.1, "pass": 0.02}


@pytest.mark.parametrize("demands", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_what_the_login_then_asks_of_each_of_thousands(db, admin, seed, demands):
    company = Company.objects.create(name="Kepler Robotics", pass_demanded=demands)
    crowd(company, NUMBER, Random(seed))
    said = of_requiring(company, numbers_for(admin, company), viewer=admin)

    services.enable_company_two_factor(company, actor=admin)

    met = {"set_up": 0, "asked": 0, "never_signed_in": 0, "need_pass": 0, "locked": 0}
    for person in with_holdings(User.objects.filter(company=company, is_active=True).select_related("company")):
        now = circumstances_of(person)
        word = outcome(replace(now, is_open=True))
        if now.standing.has_app:
            met["set_up"] += 1
            continue
        assert word in {Outcome.ASKED, Outcome.STUCK}
        met["asked" if person.last_sign_in_at else "never_signed_in"] += 1
        met["need_pass"] += word is Outcome.STUCK
        met["locked"] += person.locked_at is not None
    assert met == {name: number for name, number in asdict(said).items() if name in met}
    assert said.people == User.objects.filter(company=company, is_active=True).count()
    assert min(met.values()) > 0


def test_it_costs_the_same_for_few_and_for_many(admin, company, django_assert_max_num_queries):
    crowd(company, 50, Random(1))
    with django_assert_max_num_queries(6):
        of_requiring(company, numbers_for(admin, company), viewer=admin)
    crowd(company, 500, Random(2))
    with django_assert_max_num_queries(6):
        of_requiring(company, numbers_for(admin, company), viewer=admin)


def test_the_confirmation_says_whom_it_meets(administrator, company, make_person, kim, admin):
    kim.set_up_app()
    make_person(
        "rosalinde",
        first_name="Rosalinde",
        last_name="Kaltenbrunner",
        role=Role.COMPANY_ADMINISTRATOR,
        last_sign_in_at=timezone.now(),
    )
    make_person("omar", first_name="Omar", last_name="Haddad", last_sign_in_at=timezone.now())
    make_person("lena", first_name="Lena")
    people.lock_user(make_person("mia", first_name="Mia", last_sign_in_at=timezone.now()).user, actor=admin)

    said = words(administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/on/"))

    assert "5 people, and everybody who joins later" in said
    assert "1 is set up and notices nothing" in said
    assert "3 will be asked to set it up at their next login" in said
    assert "Rosalinde Kaltenbrunner is a company administrator" in said
    assert "1 has never signed in" in said
    assert "1 is locked and comes in only after somebody has looked at the account." in said
    assert "Nobody is locked out by this." in said


def test_whoever_reads_it_is_told_what_it_means_for_them(carla, company):
    address = f"/settings/administration/companies/{company.pk}/two-factor/on/"
    User.objects.filter(pk=carla.user.pk).update(last_sign_in_at=timezone.now())
    asked = words(carla.client.get(address))
    assert "and cannot get in without it You are one of them." in asked

    carla.set_up_app()
    carla.sign_in()
    assert "1 is set up and notices nothing You are one of them." in words(carla.client.get(address))


def test_each_number_leads_to_just_these_people(administrator, company):
    crowd(company, 200, Random(3))
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/on/").content.decode()
    rows = re.findall(r'<a href="([^"]+)">(\d+)</a><span>', page)

    assert len(rows) == 4
    for address, number in rows:
        shown = administrator.client.get(unescape(address)).context["list"]
        assert shown.number == int(number), address


def test_a_pass_that_nobody_has_is_said_before(administrator, company, kim):
    company.pass_demanded = True
    company.save()

    said = words(administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/on/"))

    assert "1 cannot go on before you give them an access pass" in said
    assert "Nobody is locked out" not in said


# --- Off ---


@pytest.mark.parametrize("rule_on", [False, True])
@pytest.mark.parametrize("keep", [False, True])
def test_switching_off_says_what_the_login_then_asks_of_each_of_thousands(db, admin, company, keep, rule_on):
    SiteRule.objects.update_or_create(defaults={"factor_demanded": rule_on, "changed_at": timezone.now()})
    services.enable_company_two_factor(company, actor=admin)
    crowd(company, NUMBER, Random(7))
    AccessPass.objects.all().delete()
    said = of_releasing(company, numbers_for(admin, company), viewer=admin)
    everybody = User.objects.filter(company=company, is_active=True)

    stays = Individuals.KEEP_ASKING if keep else Individuals.STOP_ASKING
    services.disable_company_two_factor(company, actor=admin, individuals=stays)

    met, free = {"set_up": 0, "left": 0, "left_never": 0}, 0
    for person in with_holdings(everybody.select_related("company")):
        now = circumstances_of(person)
        place = "set_up" if now.standing.has_app else "left" if person.last_sign_in_at else "left_never"
        met[place] += 1
        free += place != "set_up" and outcome(replace(now, is_open=True)) is Outcome.FREE
    assert met == {name: number for name, number in asdict(said).items() if name in met}
    assert said.freed(keeping=keep) == free
    assert bool(said.by_site and said.by_site_never) is rule_on
    assert min(met.values()) > 0
    assert free


def test_each_number_of_switching_off_leads_to_just_these_people(administrator, company):
    services.enable_company_two_factor(company, actor=administrator.user)
    crowd(company, 200, Random(3))
    page = administrator.client.get(f"/settings/administration/companies/{company.pk}/two-factor/off/").content.decode()
    rows = re.findall(r'<a href="([^"]+)">(\d+)</a><span>', page)

    assert len(rows) == 4
    for address, number in rows:
        shown = administrator.client.get(unescape(address)).context["list"]
        assert shown.number == int(number), address


def test_whoever_opens_the_settings_app_is_still_asked_by_the_site_s_rule(carla, administrator, company, make_user):
    site_rule.demand_factor(actor=administrator.user)
    services.enable_company_two_factor(company, actor=administrator.user)
    User.objects.filter(pk=carla.user.pk).update(last_sign_in_at=timezone.now())
    make_user("max", last_sign_in_at=timezone.now())
    path = f"/settings/administration/companies/{company.pk}/two-factor/off/"

    said = words(administrator.client.get(path))
    assert "2 are no longer asked and sign in with user name and password" in said
    assert "1 of them opens the Settings app, and is asked still: the whole site demands a factor there." in said

    answer = administrator.client.post(path, follow=True)
    assert "1 user is no longer asked." in words(answer)
