"""What the next login is said to be is what it then is."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role, SiteRule, User
from companies.access_passes import NothingToOpen, Validity, give_pass
from companies.models import Company
from mfa import services
from mfa.forecast import Circumstances, Outcome, outcome, requiring, ways
from mfa.models import AuthenticatorApp, RecoveryCode
from mfa.policy import Method, Standing, Step
from mfa.queries import circumstances_of
from tests.mfa.pages import SAVE, confirm_setup, open_setup

if TYPE_CHECKING:
    from tests.people import Person

CHALLENGE, SET_UP, SAVE_CODES, PASSKEY_STEP = (
    Step.CHALLENGE,
    Step.SET_UP_TWO_FACTOR,
    Step.SAVE_RECOVERY_CODES,
    Step.SET_UP_PASSKEY,
)
REQUIRED = Standing(two_factor_required=True)
APP = Standing(two_factor_required=True, has_app=True)
LOCKED_APP = replace(APP, app_disabled=True)
NEEDS_PASS = Standing(two_factor_required=True, pass_demanded=True)

TABLE = [
    ("nothing is demanded", Circumstances(Standing()), [()], Outcome.FREE),
    ("2FA is required", Circumstances(REQUIRED), [(SET_UP, SAVE_CODES)], Outcome.ASKED),
    ("it is set up", Circumstances(APP), [(CHALLENGE,)], Outcome.FREE),
    ("the app was locked", Circumstances(LOCKED_APP, has_codes=True), [(CHALLENGE, SET_UP, SAVE_CODES)], Outcome.ASKED),
    ("the app was locked, and no code is left", Circumstances(LOCKED_APP), [(CHALLENGE,)], Outcome.STUCK),
    (
        "the app was locked, and a pass was given",
        Circumstances(LOCKED_APP, has_pass=True),
        [(CHALLENGE, SET_UP, SAVE_CODES)],
        Outcome.ASKED,
    ),
    ("a pass is demanded, and there is none", Circumstances(NEEDS_PASS), [(CHALLENGE,)], Outcome.STUCK),
    (
        "a pass is demanded and given",
        Circumstances(NEEDS_PASS, has_pass=True),
        [(CHALLENGE, SET_UP, SAVE_CODES)],
        Outcome.ASKED,
    ),
    ("a passkey, and nothing demanded", Circumstances(Standing(has_passkey=True)), [(), ()], Outcome.FREE),
    (
        "a passkey, and 2FA required",
        Circumstances(replace(REQUIRED, has_passkey=True)),
        [(CHALLENGE, SET_UP, SAVE_CODES), (SET_UP, SAVE_CODES)],
        Outcome.ASKED,
    ),
    ("a passkey beside the app", Circumstances(replace(APP, has_passkey=True)), [(CHALLENGE,), ()], Outcome.FREE),
    (
        "a passkey is asked for",
        Circumstances(replace(APP, passkey_requested=True)),
        [(CHALLENGE, PASSKEY_STEP)],
        Outcome.FREE,
    ),
    (
        "the password is short",
        Circumstances(replace(REQUIRED, password_is_short=True)),
        [(Step.CHOOSE_PASSWORD, SET_UP, SAVE_CODES)],
        Outcome.ASKED,
    ),
    ("deactivated or locked", Circumstances(APP, is_open=False), [], Outcome.CLOSED),
    ("invited", Circumstances(REQUIRED, has_password=False), [], Outcome.ASKED),
]


@pytest.mark.parametrize(("circumstances", "steps", "word"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_steps_and_what_they_come_to(circumstances, steps, word):
    assert [way.steps for way in ways(circumstances)] == steps
    assert outcome(circumstances) is word


circumstances = st.builds(
    Circumstances,
    st.builds(
        Standing,
        two_factor_required=st.booleans(),
        has_app=st.booleans(),
        has_passkey=st.booleans(),
        passkey_requested=st.booleans(),
        password_is_short=st.booleans(),
        pass_demanded=st.booleans(),
    ),
    is_open=st.booleans(),
    has_password=st.booleans(),
    has_codes=st.booleans(),
    has_pass=st.booleans(),
)


@given(circumstances)
def test_requiring_it_asks_all_who_have_no_app_and_leaves_the_others_alone(before):
    after = requiring(before)

    if before.standing.has_app:
        assert outcome(after) is Outcome.FREE
    else:
        assert outcome(after) in {Outcome.ASKED, Outcome.STUCK}


@given(circumstances)
def test_nobody_is_stuck_but_for_want_of_a_pass(before):
    """Whoever has no locked app gets in, unless a pass is demanded that nobody gave."""
    if outcome(before) is Outcome.STUCK:
        assert before.standing.pass_demanded
        assert not before.has_pass
        assert not before.standing.has_passkey


# --- Held against the login itself ---

PAGES = {reverse(step): step for step in Step}


def walk(person: Person, first: Method) -> tuple[tuple[Step, ...], bool]:
    """Sign `person` in, doing what each page asks: the steps that came, and whether they are in."""
    seen: list[Step] = []
    answer = person.enter_password() if first is Method.PASSWORD else person.use_passkey()
    assert answer.status_code in {200, 302}
    while (step := PAGES.get(person.asked_for)) is not None:
        seen.append(step)
        before = len(seen)
        match step:
            case Step.CHALLENGE:
                if not prove(person):
                    return tuple(seen), False
            case Step.SET_UP_TWO_FACTOR:
                shown = open_setup(person)
                assert confirm_setup(person, shown).status_code == 302
            case Step.SAVE_RECOVERY_CODES:
                assert person.client.post(SAVE, {"saved": "on"}).status_code == 302
            case Step.CHOOSE_PASSWORD:
                new = "a much longer passphrase for Kim 7"
                assert (
                    person.client.post(reverse(step), {"new_password1": new, "new_password2": new}).status_code == 302
                )
            case Step.SET_UP_PASSKEY:
                person.client.post(reverse(step), {"later": "yes"})
        assert before < 8, "the login goes round in circles"
    return tuple(seen), person.is_in


def prove(person: Person) -> bool:
    """Show at the challenge whatever `person` has; False where they have nothing."""
    app = person.user.authenticator_apps.filter(confirmed=True).first()
    if app is not None and app.disabled_at is None:
        return person.enter_code().status_code == 302
    if person.user.passkeys.filter(suspended_at=None).exists():
        return person.use_passkey().status_code == 200
    if person.user.recovery_codes.filter(used_at=None).exists():
        return person.enter_code(person.codes[0]).status_code == 302
    if person.given:
        return person.client.post(f"{reverse('login_challenge')}?with=pass", {"code": person.given}).status_code == 302
    return False


def put(person: Person, dice: Random, admin: User) -> None:
    """Bring `person` into some state, by the services."""
    user = person.user
    company = user.company
    assert company
    company.two_factor_enabled, company.pass_demanded = dice.random() < 0.4, dice.random() < 0.4
    company.save()
    SiteRule.objects.update_or_create(defaults={"factor_demanded": dice.random() < 0.5, "changed_at": timezone.now()})
    person.given = ""
    if dice.random() < 0.5:
        person.set_up_app()
        if dice.random() < 0.3:
            AuthenticatorApp.objects.filter(user=user).update(disabled_at=timezone.now())
            if dice.random() < 0.5:
                RecoveryCode.objects.filter(user=user).delete()
    elif dice.random() < 0.5:
        services.enable_two_factor(user, actor=admin)
    if dice.random() < 0.4:
        passkey = person.add_passkey()
        if dice.random() < 0.2:
            services.suspend_passkey(passkey, "a test")
    if dice.random() < 0.4:
        services.request_passkey(user, actor=admin)
    if dice.random() < 0.4:
        with suppress(NothingToOpen):
            person.given = give_pass(user, valid=Validity.AN_HOUR, checked="in_person", reason="On site", actor=admin)
    shut = {"password": "!invited"} if dice.random() < 0.1 else {}
    shut |= (
        {"is_active": False} if dice.random() < 0.05 else {"locked_at": timezone.now()} if dice.random() < 0.05 else {}
    )
    User.objects.filter(pk=user.pk).update(password_is_short=dice.random() < 0.2, **(shut or {"is_active": True}))
    user.refresh_from_db()


@pytest.mark.parametrize("number", range(60))
def test_the_login_is_what_was_said(number, make_person, admin):
    dice = Random(number)
    role = dice.choice([Role.MEMBER, Role.COMPANY_ADMINISTRATOR, Role.HELPDESK, Role.AUDITOR])
    company = Company.objects.create(name=f"Company {number}")
    person = make_person(f"person{number}", company=company, role=role)
    put(person, dice, admin)
    said = ways(circumstances_of(User.objects.select_related("company").get(pk=person.user.pk)))
    if not said:  # deactivated, locked, or invited
        person.enter_password()
        if person.authenticator.credentials:
            person.use_passkey()
        assert person.asked_for == "/login/"
        return
    way = dice.choice(said)

    steps, is_in = walk(person, way.first)

    assert (steps, is_in) == (way.steps, way.leads_in)
