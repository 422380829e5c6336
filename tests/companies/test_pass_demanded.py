"""A company demands an access pass before each first set-up."""

from __future__ import annotations

import pytest

from accounts import people
from accounts.models import Role
from audit.models import AuditEvent
from companies import services as services_of_companies
from companies.access_passes import Validity, give_pass
from companies.models import Company
from mfa import services
from tests.companies import COMPANIES, USERS, press, read
from tests.mfa.pages import CHALLENGE, SETUP, window_of, words


@pytest.fixture
def kim_asked(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    return kim


def test_the_switch_on_the_companys_page(administrator, kim_asked, admin, company):
    page = administrator.client.get(f"{COMPANIES}{company.pk}/")
    switch = read(page).one("button", role="switch", **{"aria-labelledby": "pass-label"})
    assert switch.attrs["aria-checked"] == "false"
    asked = administrator.client.get(f"{COMPANIES}{company.pk}/access-pass/on/")
    assert "1 cannot get in at the next login before an access pass is given" in words(asked)

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


# --- What is said of one person, where a pass is demanded ---


@pytest.fixture
def kim_stays(kim, admin, company):
    """Kim has an app, in a company that requires one, and a pass before it is set up."""
    kim.set_up_app()
    services_of_companies.enable_company_two_factor(company, actor=admin)
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)
    return kim


def test_off_says_before_and_after_that_a_pass_is_needed(administrator, kim_stays):
    page = administrator.client.get(f"{window_of(kim_stays.user)}two-factor/off/")
    needs = "Before the set-up, Kim is asked for an access pass and has none: give Kim one."
    assert f"Acme Machines still requires it. {needs}" in read(page).dialog.words

    done = press(administrator.client, page, "Confirm")

    assert f"Two-factor authentication was switched off for Kim. {needs}" in words(done)
    kim_stays.enter_password()
    assert kim_stays.asked_for == CHALLENGE


def test_on_says_before_and_after_that_a_pass_is_needed(administrator, kim, company):
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)
    page = administrator.client.get(f"{window_of(kim.user)}two-factor/on/")
    needs = "Before the set-up, Kim is asked for an access pass and has none: give Kim one."
    assert needs in read(page).dialog.words

    done = press(administrator.client, page, "Confirm")

    assert f"Two-factor authentication is switched on for Kim. {needs}" in words(done)
    assert "will be asked to set up" not in words(done)


def test_lost_phone_without_a_pass_ends_at_the_challenge_as_it_says(administrator, kim_stays):
    ticked = {"app": "on", "codes": "on", "checked": "in_person", "reason": "Lost at sea", "valid": "60"}
    administrator.client.post(f"{USERS}{kim_stays.user.pk}/lost-phone/", ticked)

    kim_stays.enter_password()

    assert not kim_stays.user.authenticator_apps.exists()
    assert kim_stays.asked_for == CHALLENGE


def test_deleting_the_last_passkey_says_that_a_pass_is_needed(administrator, kim_asked, company):
    passkey = kim_asked.add_passkey()
    address = f"{window_of(kim_asked.user)}passkeys/{passkey.pk}/delete/"
    assert "and will be asked to set up an authenticator app" in read(administrator.client.get(address)).dialog.words
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)

    said = read(administrator.client.get(address)).dialog.words

    assert "Kim has no other method left. Before the set-up, Kim is asked for an access pass and has none" in said
    administrator.client.post(address)
    kim_asked.enter_password()
    assert kim_asked.asked_for == CHALLENGE


def test_letting_somebody_in_says_that_a_pass_is_needed_where_no_passkey_is_left(
    administrator, kim_stays, admin, company
):
    people.lock_user(kim_stays.user, actor=admin)
    address = f"{USERS}{kim_stays.user.pk}/let-in/"
    needs = "With no passkey left, Kim needs an access pass too"

    assert needs in words(administrator.client.get(address))
    Company.objects.filter(pk=company.pk).update(pass_demanded=False)
    assert needs not in words(administrator.client.get(address))


def test_the_companys_switch_and_a_request_on_many_say_who_is_kept_outside(administrator, company, make_person):
    """Ada has nothing, Ben a passkey; both were said to be asked."""
    ada, ben = make_person("ada"), make_person("ben")
    ben.add_passkey()
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)

    page = words(administrator.client.get(f"{COMPANIES}{company.pk}/"))
    assert "1 of 2 users are asked at their next login." in page
    assert "1 cannot get in at the next login before an access pass is given." in page

    done = words(administrator.client.post(f"{COMPANIES}{company.pk}/two-factor/on/", follow=True))
    assert "1 user will be asked at the next login. 1 cannot get in at the next login before an access pass" in done
    assert "those who have set up nothing at all need an access pass first" in done
    assert "1 person cannot get in at the next login before an access pass is given" in words(
        administrator.client.get("/settings/")
    )

    ticked = {"act": "request", "who": [str(ada.user.pk), str(ben.user.pk)]}
    counts = words(administrator.client.post("/settings/administration/users/bulk/", ticked, follow=True))
    assert "1 will be asked for a passkey at the next login 1 of them has one already" in counts
    assert "1 cannot get in at the next login before an access pass is given" in counts

    told = words(
        administrator.client.post(f"/settings/administration/users/{ada.user.pk}/mfa/passkeys/request/", follow=True)
    )
    assert "ada is asked to create a passkey. Before the set-up, ada is asked for an access pass and has none" in told
