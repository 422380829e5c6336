"""A company demands an access pass before each first set-up."""

from __future__ import annotations

import pytest

from accounts.models import Role
from audit.models import AuditEvent
from companies.access_passes import Validity, give_pass
from mfa import services
from tests.companies import COMPANIES, press, read
from tests.mfa.pages import CHALLENGE, SETUP, words


@pytest.fixture
def kim_asked(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    return kim


def test_the_switch_on_the_companys_page(administrator, kim_asked, admin, company):
    page = administrator.client.get(f"{COMPANIES}{company.pk}/")
    switch = read(page).one("button", role="switch", **{"aria-labelledby": "pass-label"})
    assert switch.attrs["aria-checked"] == "false"
    asked = administrator.client.get(f"{COMPANIES}{company.pk}/access-pass/on/")
    assert "1 user who has not set up two-factor authentication needs a pass for it." in words(asked)

    said = press(administrator.client, asked, "Confirm")

    assert "Acme Machines demands an access pass before each first set-up." in words(said)
    assert read(said).one("button", role="switch", **{"aria-labelledby": "pass-label"}).attrs["aria-checked"] == "true"
    kim_asked.enter_password()
    assert kim_asked.asked_for == CHALLENGE
    code = give_pass(kim_asked.user, valid=Validity.A_DAY, checked="in_person", reason="First day", actor=admin)
    assert kim_asked.client.post(f"{CHALLENGE}?with=pass", {"code": code}).headers["Location"] == SETUP


def test_it_is_switched_off_again(administrator, kim_asked, company):
    there = f"{COMPANIES}{company.pk}/access-pass/"
    administrator.client.post(f"{there}on/")

    press(administrator.client, administrator.client.get(f"{there}off/"), "Confirm")

    kim_asked.enter_password()
    assert kim_asked.asked_for == SETUP
    lines = AuditEvent.objects.filter(company=company, action__startswith="company_pass").order_by("pk")
    assert [(line.action, line.details["changes"]) for line in lines] == [
        ("company_pass_demanded", {"pass_demanded": [False, True]}),
        ("company_pass_not_demanded", {"pass_demanded": [True, False]}),
    ]


def test_switching_it_on_twice_is_one_act(administrator, company):
    for _time in range(2):
        administrator.client.post(f"{COMPANIES}{company.pk}/access-pass/on/")

    assert AuditEvent.objects.filter(action="company_pass_demanded").count() == 1


@pytest.mark.row("ASVS-8.2.2")
def test_another_companys_rule_is_nobody_elses(make_person, other_company):
    carl = make_person("carl", role=Role.COMPANY_ADMINISTRATOR)
    carl.sign_in()

    assert carl.client.post(f"{COMPANIES}{other_company.pk}/access-pass/on/").status_code == 404
