"""An access pass: once, with the password, it stands for the missing factor, and opens the set-up of an app alone."""

from __future__ import annotations

import re
from datetime import timedelta
from math import log2

import pytest
from django.utils import timezone

from accounts import people
from accounts.authorization import OutOfReach
from accounts.models import Role
from accounts.people import ChangedMeanwhile
from accounts.throttle import budgets, rule
from audit.models import AuditEvent
from companies.access_passes import NothingToOpen, Validity, give_pass, withdraw_pass
from companies.letting_in import let_in
from mfa import services
from mfa.methods import access_pass, typed_as
from mfa.models import AccessPass
from mfa.policy import Method
from tests.mfa.pages import CHALLENGE, OWN_SETUP, SAVE, SETUP, audit_of, confirm_setup, open_setup, refusals_of, words
from tests.people import Person

PASS = f"{CHALLENGE}?with=pass"


def give(person, by, valid=Validity.AN_HOUR):
    return give_pass(person.user, valid=valid, checked="called_back", reason="Phone left on the train", actor=by)


def enter(person, code):
    return person.client.post(PASS, {"code": code})


@pytest.fixture
def kim_asked(kim, admin):
    """Required, and nothing set up."""
    services.enable_two_factor(kim.user, actor=admin)
    return kim


@pytest.fixture
def kim_with_app(kim):
    kim.set_up_app()
    return kim


# --- What it looks like, and what is kept of it ---


@pytest.mark.row("N-4.2.1.1-64", "ASVS-6.5.4")
def test_it_has_letters_and_digits_that_nobody_takes_for_another_and_enough_of_them():
    drawn = {access_pass.draw() for _ in range(500)}

    assert len(drawn) == 500
    for code in drawn:
        assert re.fullmatch("[2-9A-HJKMNP-Z]{5}(-[2-9A-HJKMNP-Z]{5}){2}", code)
        assert typed_as(code) == Method.ACCESS_PASS
    assert not set("01OIL") & set(access_pass.ALPHABET)
    assert access_pass.LENGTH * log2(len(access_pass.ALPHABET)) > 64


def test_no_pass_begins_with_six_digits_that_the_field_would_send(monkeypatch):
    drawn = iter("2345678ABCDEFGH" + "A234567BCDEFGHJ")
    monkeypatch.setattr(access_pass.codes, "choice", lambda alphabet: next(drawn))

    assert access_pass.draw() == "A2345-67BCD-EFGHJ"


@pytest.mark.row("N-4.2.1.1-hash")
def test_what_is_kept_is_a_keyed_hash_bound_to_its_owner(kim_asked, admin, settings, make_person):
    code = give(kim_asked, admin)
    kept = bytes(AccessPass.objects.get().digest)
    ada = make_person("ada")

    assert len(kept) == 32
    assert code.encode() not in kept
    assert next(access_pass.codes.digests(ada.user, code)) != kept
    settings.SECRET_KEY = "another key altogether, that nobody has ever seen before"
    assert next(access_pass.codes.digests(kim_asked.user, code)) != kept


def test_it_outlives_a_change_of_keys(kim_asked, admin, settings):
    code = give(kim_asked, admin)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key altogether, that nobody has ever seen before"
    kim_asked.enter_password()

    assert enter(kim_asked, code).headers["Location"] == SETUP


# --- What it opens ---


@pytest.mark.row("ASVS-6.4.4", "N-4.2.1-alt", "B-29")
def test_with_the_password_it_opens_the_set_up_and_nothing_else(kim_asked, admin):
    code = give(kim_asked, admin)
    assert kim_asked.enter_password().headers["Location"] == CHALLENGE
    assert enter(kim_asked, code).headers["Location"] == SETUP

    assert kim_asked.asked_for == SETUP
    assert not kim_asked.is_in
    assert kim_asked.client.get(OWN_SETUP).status_code == 302
    assert confirm_setup(kim_asked, open_setup(kim_asked)).headers["Location"] == SAVE
    assert not kim_asked.is_in
    kim_asked.client.post(SAVE, {"saved": "on"})
    assert kim_asked.is_in
    assert not AccessPass.objects.exists()
    signed_in = AuditEvent.objects.get(subject=kim_asked.user, action="signed_in")
    assert signed_in.details["methods"] == ["password", "access_pass", "totp"]


def test_without_the_password_it_opens_nothing(kim_asked, admin):
    code = give(kim_asked, admin)

    assert enter(kim_asked, code).headers["Location"] == "/"
    assert not kim_asked.is_in
    assert AccessPass.objects.get().is_open


@pytest.mark.parametrize("form", [str.lower, lambda code: code.replace("-", " "), lambda code: f"  {code}\u200b"])
def test_it_is_read_as_people_write_it(kim_asked, admin, form):
    code = give(kim_asked, admin)
    kim_asked.enter_password()

    assert enter(kim_asked, form(code)).headers["Location"] == SETUP


def test_it_takes_the_place_of_an_app_which_is_then_set_up_anew(kim_with_app, admin):
    old = kim_with_app.app_key
    code = give(kim_with_app, admin)
    kim_with_app.enter_password()
    assert "Use an access pass" in words(kim_with_app.client.get(CHALLENGE))
    assert enter(kim_with_app, code).headers["Location"] == SETUP
    assert not kim_with_app.is_in

    confirm_setup(kim_with_app, open_setup(kim_with_app))
    kim_with_app.client.post(SAVE, {"saved": "on"})

    assert kim_with_app.is_in
    lost = Person(kim_with_app.user, app_key=old)
    lost.sign_in()
    assert not lost.is_in


def test_whoever_finds_the_phone_again_needs_no_pass(kim_with_app, admin):
    give(kim_with_app, admin)
    kim_with_app.sign_in()

    assert kim_with_app.is_in


def test_it_takes_the_place_of_a_passkey_and_adds_none(kim_asked, admin):
    kim_asked.add_passkey()
    services.request_passkey(kim_asked.user, actor=admin)
    code = give(kim_asked, admin)
    kim_asked.enter_password()
    enter(kim_asked, code)

    assert kim_asked.asked_for == SETUP
    assert kim_asked.json("/passkeys/registration/options/", {}).status_code == 403


def test_the_field_for_codes_takes_it_too(kim_with_app, admin):
    code = give(kim_with_app, admin)
    kim_with_app.enter_password()

    assert kim_with_app.enter_code(code).headers["Location"] == SETUP


@pytest.mark.row("ASVS-7.5.1")
def test_it_confirms_nothing_and_is_not_used_up_by_trying(kim_with_app, admin, clock):
    kim_with_app.sign_in()
    code = give(kim_with_app, admin)
    clock.shift(16 * 60)
    asked = kim_with_app.client.get(OWN_SETUP).headers["Location"]

    answer = kim_with_app.client.post(asked, {"code": code})

    assert answer.status_code == 400
    assert kim_with_app.client.get(OWN_SETUP).status_code == 302
    assert AccessPass.objects.get().is_open


def test_it_is_not_asked_for_where_the_password_is_enough(kim, admin):
    with pytest.raises(NothingToOpen):
        give(kim, admin)
    kim.sign_in()

    assert kim.is_in


def test_two_tabs_use_it_once(kim_asked, admin):
    code = give(kim_asked, admin)
    kim_asked.enter_password()

    assert enter(kim_asked, code).headers["Location"] == SETUP
    assert enter(kim_asked, code).headers["Location"] == SETUP  # not this step any more: on to the next
    assert len(AuditEvent.objects.filter(action="access_pass_used")) == 1


# --- When it ends ---


def enters_in_vain(person, code):
    person.enter_password()
    enter(person, code)
    return person.asked_for == CHALLENGE and not person.is_in


@pytest.mark.row("ASVS-6.5.1")
def test_it_works_once_and_the_set_up_is_closed_to_the_password_alone(kim_asked, admin):
    code = give(kim_asked, admin)
    kim_asked.enter_password()
    enter(kim_asked, code)

    assert enters_in_vain(Person(kim_asked.user), code)


@pytest.mark.parametrize("valid", Validity)
@pytest.mark.row("ASVS-6.4.1")
def test_it_ends_when_its_time_is_over(kim_asked, admin, clock, valid):
    code = give(kim_asked, admin, valid)
    clock.shift(valid * 60 + 1)
    kim_asked.enter_password()
    assert "Ask your administrator for one." in words(kim_asked.client.get(CHALLENGE))

    assert "This access pass is over" in words(enter(kim_asked, code))
    assert enters_in_vain(Person(kim_asked.user), code)


def test_a_new_one_ends_it_and_what_it_had_opened(kim_asked, admin):
    first = give(kim_asked, admin)
    stranger = Person(kim_asked.user)
    stranger.enter_password()
    enter(stranger, first)
    assert stranger.asked_for == SETUP
    second = give(kim_asked, admin)

    assert stranger.client.get(SETUP).headers["Location"] == "/"
    assert enters_in_vain(Person(kim_asked.user), first)
    budgets.unlock(kim_asked.user)
    kim_asked.enter_password()
    assert enter(kim_asked, second).headers["Location"] == SETUP


def test_withdrawn_it_opens_nothing_nor_does_what_it_had_opened(kim_asked, admin):
    code = give(kim_asked, admin)
    stranger = Person(kim_asked.user)
    stranger.enter_password()

    assert withdraw_pass(kim_asked.user, actor=admin) is True

    assert enter(stranger, code).status_code == 400
    assert enters_in_vain(Person(kim_asked.user), code)
    assert withdraw_pass(kim_asked.user, actor=admin) is False
    assert [action for action, _by in audit_of(kim_asked.user) if action == "access_pass_withdrawn"] == [
        "access_pass_withdrawn"
    ]


def test_half_way_logins_that_a_withdrawn_pass_opened_end(kim_asked, admin):
    code = give(kim_asked, admin)
    kim_asked.enter_password()
    enter(kim_asked, code)

    withdraw_pass(kim_asked.user, actor=admin)

    assert kim_asked.client.get(SETUP).headers["Location"] == "/"


@pytest.mark.parametrize("end", ["lock", "deactivate", "sign_out"])
def test_it_ends_with_the_account_and_does_not_come_back(kim_asked, admin, end):
    code = give(kim_asked, admin)
    if end == "lock":
        people.lock_user(kim_asked.user, actor=admin)
        let_in(kim_asked.user, kept=(), checked="in_person", reason="Found", actor=admin)
        kim_asked.user.refresh_from_db()
        people.change_password(kim_asked.user, "correct horse battery staple", actor=None)
    elif end == "deactivate":
        people.deactivate_user(kim_asked.user, actor=admin)
        people.activate_user(kim_asked.user, actor=admin)
    else:
        people.end_sessions(kim_asked.user, actor=admin)

    kim_asked.user.refresh_from_db()
    assert not AccessPass.objects.get().is_open
    assert enters_in_vain(kim_asked, code)


def test_switching_two_factor_off_ends_it_and_the_demand_for_one(kim_asked, admin):
    give(kim_asked, admin)

    services.disable_two_factor(kim_asked.user, actor=admin)

    assert not AccessPass.objects.exists()


@pytest.mark.parametrize("own_switch", [True, False])
def test_where_nothing_is_removed_and_a_rule_demands_still_what_is_switched_off_ends_no_demand(
    kim, admin, company, own_switch
):
    company.two_factor_enabled = True
    company.save()
    if own_switch:
        services.enable_two_factor(kim.user, actor=admin)
    give(kim, admin)

    services.disable_two_factor(kim.user, actor=admin)

    assert AccessPass.objects.get().is_open
    assert kim.enter_password().headers["Location"] == CHALLENGE


def test_the_demand_of_one_ends_with_the_app_that_an_administrator_removes(kim_with_app, admin, company):
    """As with a lost phone: the line and the mail say what went."""
    company.two_factor_enabled = True
    company.save()
    give(kim_with_app, admin)

    services.disable_two_factor(kim_with_app.user, actor=admin)

    assert kim_with_app.enter_password().headers["Location"] == SETUP


def test_another_password_does_not_end_it(kim_asked, admin):
    """Phone and password are both forgotten: a reset by mail, then the pass."""
    code = give(kim_asked, admin)
    people.change_password(kim_asked.user, "another horse, another staple", actor=None)
    kim_asked.enter_password("another horse, another staple")

    assert enter(kim_asked, code).headers["Location"] == SETUP


# --- Guessing it ---


def other(code):
    return code[:-1] + ("A" if code[-1] != "A" else "B")


def test_a_wrong_one_is_said_is_on_record_and_costs_a_guess(kim_asked, admin):
    code = give(kim_asked, admin)
    kim_asked.enter_password()

    page = enter(kim_asked, other(code))

    assert page.status_code == 400
    assert "This is not your access pass." in words(page)
    assert refusals_of(kim_asked.user) == ["WrongPass"]
    statuses = [enter(kim_asked, other(code)).status_code for _ in range(8)]
    assert statuses[-1] == 429
    assert enter(kim_asked, code).status_code == 429


def test_what_cannot_be_one_is_no_guess(kim_asked, admin):
    give(kim_asked, admin)
    kim_asked.enter_password()

    assert "fifteen letters and digits" in words(enter(kim_asked, "ABCDE-FGHJK"))
    assert refusals_of(kim_asked.user) == []


def test_a_hundred_wrong_ones_in_a_row_end_it(kim_asked, admin, clock):
    code = give(kim_asked, admin, Validity.A_DAY)
    for number in range(rule.USED_UP):
        budgets.unlock(kim_asked.user)  # the delays are another matter
        clock.shift(1)
        attacker = Person(kim_asked.user)
        attacker.client.defaults["REMOTE_ADDR"] = f"198.51.100.{number}"
        attacker.enter_password()
        enter(attacker, other(code))

    assert ("access_pass_disabled", None) in audit_of(kim_asked.user)
    budgets.unlock(kim_asked.user)
    assert enters_in_vain(kim_asked, code)


def test_the_third_wrong_one_in_a_row_is_told(kim_asked, admin, told):
    code = give(kim_asked, admin)
    kim_asked.enter_password()
    enter(kim_asked, other(code))
    enter(kim_asked, other(code))

    [mail] = told(enter, kim_asked, other(code))

    assert mail.subject == "m2v: Three failed attempts at your second factor"


# --- Who gives it ---


def test_nobody_gives_one_to_themselves_or_to_a_higher_role(admin, company_admin):
    with pytest.raises(OutOfReach):
        give(Person(admin), admin)
    with pytest.raises(OutOfReach):
        give(Person(admin), company_admin)


def test_whoever_is_shut_out_gets_none(kim_asked, admin):
    people.lock_user(kim_asked.user, actor=admin)

    with pytest.raises(ChangedMeanwhile):
        give(kim_asked, admin)


def test_reason_check_and_end_are_on_record(kim_asked, admin):
    before = timezone.now()
    give(kim_asked, admin)

    line = AuditEvent.objects.get(action="access_pass_made")
    assert (line.actor, line.subject) == (admin, kim_asked.user)
    assert line.details["reason"] == "Phone left on the train"
    assert line.details["checked"] == "called_back"
    assert AccessPass.objects.get().until - before < timedelta(minutes=61)


@pytest.mark.row("ASVS-6.3.7", "N-4.2.3")
def test_the_person_is_told_when_it_is_made_and_when_it_is_used(kim_asked, admin, told):
    codes = []
    [made] = told(lambda: codes.append(give(kim_asked, admin)))
    assert made.to == [kim_asked.user.email]
    assert made.subject == "m2v: An access pass was made for your account"
    for said in ("Petra Vogt", "Phone left on the train", "called back on a number we had before", "/not-me/"):
        assert said in made.body
    assert codes[0] not in made.body
    assert codes[0].replace("-", "") not in made.body
    kim_asked.enter_password()

    [used] = told(enter, kim_asked, codes[0])

    assert used.subject == "m2v: The access pass for your account was used"
    assert "/not-me/" in used.body


@pytest.fixture
def company_admin(make_user):
    return make_user("carl", role=Role.COMPANY_ADMINISTRATOR)


# --- Where the company demands one ---


def test_a_company_that_demands_passes_lets_no_first_password_set_anything_up(kim_asked, admin, company):
    company.pass_demanded = True
    company.save()

    assert kim_asked.enter_password().headers["Location"] == CHALLENGE
    assert kim_asked.client.get(SETUP).headers["Location"] == CHALLENGE
    assert "Setting up your account needs an access pass." in words(kim_asked.client.get(CHALLENGE))
    code = give(kim_asked, admin)
    assert enter(kim_asked, code).headers["Location"] == SETUP


def test_whoever_has_set_up_or_is_not_required_to_is_not_asked_for_a_pass(kim_with_app, make_person, company):
    company.pass_demanded = True
    company.save()
    mia = make_person("mia")

    mia.sign_in()
    kim_with_app.sign_in()

    assert mia.is_in
    assert kim_with_app.is_in
