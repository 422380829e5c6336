"""A mail about a rule says what its reader's next login then does: asks, asks for a pass first, or nothing."""

from __future__ import annotations

import re
from io import StringIO
from itertools import product

import pytest
from django.core.management import call_command
from django.db.models import Q
from django.utils import translation

from accounts import site_rule
from accounts.models import Role, User
from companies.access_passes import Validity, give_pass
from companies.models import Company
from companies.services import enable_company_two_factor
from mfa import services
from mfa.forecast import Outcome
from tests.companies.test_forecast import read_again
from tests.mfa.walking import walked

NEEDS_A_PASS = "you need an access pass, after the password: ask your administrator for one before."
ENTERS_THE_PASS = "enter the access pass that you were given."
SETS_UP = "You are asked to set up two-factor authentication"
HELD = ["nothing", "passkey", "pass", "app"]


def hold(person, held, admin, *, demanded):
    """Bring somebody into this state, in a company that demands a pass or not."""
    if held == "passkey":
        person.add_passkey()
    elif held == "app":
        person.set_up_app()
        User.objects.filter(pk=person.user.pk).update(two_factor_enabled=False)
    Company.objects.filter(pk=person.user.company_id).update(pass_demanded=demanded)
    if held == "pass":
        User.objects.filter(pk=person.user.pk).update(two_factor_enabled=True)
        give_pass(person.user, valid=Validity.A_DAY, checked="in_person", reason="New", actor=admin)
        User.objects.filter(pk=person.user.pk).update(two_factor_enabled=False)
    return User.objects.select_related("company").get(pk=person.user.pk)


def assert_true_of(body, person):
    """The mail says what the login does."""
    after = walked(read_again(Q(pk=person.pk)).get())
    words = " ".join(body.split())
    assert (NEEDS_A_PASS in words) is (after is Outcome.STUCK), words
    assert (SETS_UP in words) is (after in {Outcome.STUCK, Outcome.ASKED}), words
    assert not re.search(r"\{|\}|  ", words)


def only(mails, address):
    [mail] = [mail for mail in mails if mail.to == [address]]
    return mail.body


@pytest.mark.parametrize(("held", "demanded"), list(product(HELD, [False, True])))
def test_required_of_one(told, kim, admin, held, demanded):
    person = hold(kim, held, admin, demanded=demanded)
    body = only(told(services.enable_two_factor, person, actor=admin), "kim@acme.example")

    assert_true_of(body, person)
    assert ("You have set it up already: nothing changes for you." in body) is (held == "app")
    assert (ENTERS_THE_PASS in " ".join(body.split())) is (held == "pass")


@pytest.mark.parametrize(("held", "demanded"), list(product(HELD[:3], [False, True])))
def test_required_of_a_company(told, kim, admin, company, held, demanded):
    person = hold(kim, held, admin, demanded=demanded)

    assert_true_of(only(told(enable_company_two_factor, company, actor=admin), "kim@acme.example"), person)


@pytest.mark.parametrize(("held", "demanded"), list(product(["nothing", "pass"], [False, True])))
def test_demanded_of_whoever_opens_the_settings_app(told, make_person, admin, held, demanded):
    carla = make_person("carla", role=Role.COMPANY_ADMINISTRATOR)
    person = hold(carla, held, admin, demanded=demanded)
    carla.user.refresh_from_db()

    assert_true_of(only(told(lambda: site_rule.demand_factor(actor=admin)), "carla@acme.example"), person)


@pytest.mark.parametrize("whose", ["company", "own"])
def test_one_whose_app_was_removed_is_told_what_is_demanded_still(told, kim, admin, company, whose):
    kim.set_up_app()
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=whose == "company", pass_demanded=True)
    person = User.objects.select_related("company").get(pk=kim.user.pk)

    assert_true_of(only(told(services.disable_two_factor, person, actor=admin), "kim@acme.example"), person)


@pytest.mark.parametrize("stuck", [False, True])
def test_a_passkey_is_requested(told, kim, admin, company, stuck):
    Company.objects.filter(pk=company.pk).update(two_factor_enabled=stuck, pass_demanded=stuck)
    person = User.objects.select_related("company").get(pk=kim.user.pk)
    body = " ".join(only(told(services.request_passkey, person, actor=admin), "kim@acme.example").split())

    assert (NEEDS_A_PASS in body) is stuck
    assert "You are asked to create a passkey: with it, you sign in by fingerprint" in body


def test_of_an_app_that_is_locked_and_nothing_else_no_mail_promises_a_step(told, kim, admin):
    kim.set_up_app()
    kim.user.recovery_codes.all().delete()
    kim.user.authenticator_apps.update(disabled_at=kim.user.created_at)
    body = only(told(services.request_passkey, kim.user, actor=admin), "kim@acme.example")

    assert "You cannot get in at your next login, because your authenticator app is locked" in body
    assert "with it, you sign in by fingerprint" not in body


def test_many_are_told_each_their_own(told, make_person, admin, company):
    make_person("ada")
    make_person("ben").add_passkey()
    Company.objects.filter(pk=company.pk).update(pass_demanded=True)
    mails = told(enable_company_two_factor, company, actor=admin)

    assert NEEDS_A_PASS in " ".join(only(mails, "ada@acme.example").split())
    assert NEEDS_A_PASS not in " ".join(only(mails, "ben@acme.example").split())


def test_who_acted_on_the_command_line_is_named_in_the_language_of_the_reader(told, kim, admin):
    """And nobody is told to ask a command line."""
    User.objects.filter(pk=kim.user.pk).update(language="de")
    User.objects.filter(pk=admin.pk).update(language="en")
    mails = told(call_command, "mfa", "require", "kim", "--reason", "New rule")

    german, english = (" ".join(only(mails, to).split()) for to in ("kim@acme.example", admin.email))
    assert "Jemand auf dem Server hat die" in german
    assert "die Personen, die den Server betreiben" in german
    assert "Someone on the server switched two-factor authentication on for Kim Hansen" in english
    assert "command line switched" not in english


@pytest.mark.parametrize("spoken", ["en", "de"])
@pytest.mark.parametrize("act", ["stop", "pass", "report"])
def test_the_language_of_the_shell_is_in_no_mail(act, spoken, told, kim_with_app, admin):
    User.objects.filter(pk=kim_with_app.user.pk).update(language="de")
    User.objects.filter(pk=admin.pk).update(language="en")
    of_kim = ["kim", "--reason", "31"] if act != "report" else []
    with translation.override(spoken):
        mails = told(call_command, "mfa", act, *of_kim, stdout=StringIO())

    said = {mail.to[0]: mail.body for mail in mails}
    assert not re.search(r"\b(?:hat|die|auf|für)\b", said[admin.email])
    assert ("kim@acme.example" in said) == (act != "report")
    assert not re.search(r"\b(?:has|the|on|for)\b", said.get("kim@acme.example", ""))
