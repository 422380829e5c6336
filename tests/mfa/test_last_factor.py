"""Nobody whom a rule demands a factor of gets rid of their last one by themselves, in whatever order they go about it.

Each act on oneself is tried in each state. Whatever state one act leads to is tried too, so that no series of them does
what none of them does.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from itertools import product
from typing import NamedTuple

import pytest
from django.db import transaction
from django.utils import timezone

from accounts import site_rule
from accounts.models import Role, User
from companies.models import Company
from mfa import services
from mfa.methods import recovery_codes, totp
from mfa.methods.passkeys.ceremonies import NewPasskey
from mfa.models import AccessPass, AuthenticatorApp, Passkey, RecoveryCode
from mfa.policy import Method, Step, pending_steps
from mfa.queries import circumstances_of
from mfa.services import AppGone, RequiredByCompany, RequiredForSettings
from tests.companies import read
from tests.mfa.pages import OWN, audit_of, words
from tests.people import UUID_ZERO, Person

IN_USE, SUSPENDED = "in use", "suspended"


class Rule(NamedTuple):
    """Who somebody is, and what demands a factor of them."""

    role: Role
    site: bool = False
    company: bool = False


class Held(NamedTuple):
    """What they hold, whether their own switch is on, and whether a pass is asked for."""

    app: str
    codes: bool
    passkeys: tuple[str, ...]
    switch: bool
    asked_for_pass: bool


RULES = {
    "administrator, site": Rule(Role.ADMINISTRATOR, site=True),
    "company administrator, site and company": Rule(Role.COMPANY_ADMINISTRATOR, site=True, company=True),
    "helpdesk, company": Rule(Role.HELPDESK, company=True),
    "member, site and company": Rule(Role.MEMBER, site=True, company=True),
}
APPS = [("", False), (IN_USE, True), (IN_USE, False), ("disabled", True), ("disabled", False)]
PASSKEYS = [(), (IN_USE,), (IN_USE, IN_USE), (IN_USE, SUSPENDED)]
STATES = [
    Held(app, codes, passkeys, switch, asked_for_pass=not switch)
    for (app, codes), passkeys, switch in product(APPS, PASSKEYS, (True, False))
]
REFUSALS = (RequiredByCompany, RequiredForSettings)


def set_up_app(person):
    there = AuthenticatorApp.objects.filter(user=person).first()
    services.set_up_app(person, totp.new_key(), last_used_step=-1, instead_of=there, actor=person)


def create_passkey(person):
    new = NewPasskey(b"another", b"key", 0, UUID_ZERO, ["internal"], False, False)
    services.create_passkey(person, new, actor=person)


def replace_codes(person):
    with suppress(AppGone):
        services.replace_recovery_codes(person, recovery_codes.draw(), actor=person)


# Everything that people do to what they sign in with; of passkeys, what they do to each.
ACTS = {
    "enable_two_factor": lambda person: services.enable_two_factor(person, actor=person),
    "disable_two_factor": lambda person: services.disable_two_factor(person, actor=person),
    "set_up_app": set_up_app,
    "make_recovery_codes": lambda person: services.make_recovery_codes(person, actor=person),
    "replace_recovery_codes": replace_codes,
    "request_passkey": lambda person: services.request_passkey(person, actor=person),
    "delete_passkey_request": lambda person: services.delete_passkey_request(person, actor=person),
    "create_passkey": create_passkey,
}
ON_A_PASSKEY = {
    "rename_passkey": lambda passkey, person: services.rename_passkey(passkey, "Another name", actor=person),
    "delete_passkey": lambda passkey, person: services.delete_passkey(passkey, actor=person),
}


def put_in(person, held):
    """Let `person` hold that."""
    for model in (AuthenticatorApp, RecoveryCode, Passkey, AccessPass):
        model.objects.filter(user=person).delete()
    User.objects.filter(pk=person.pk).update(two_factor_enabled=held.switch)
    now = timezone.now()
    if held.app:
        AuthenticatorApp.objects.create(user=person, key=b"sealed", disabled_at=None if held.app == IN_USE else now)
    if held.codes:
        RecoveryCode.objects.create(user=person, sealed_digest=b"sealed")
    for number, how in enumerate(held.passkeys):
        Passkey.objects.create(
            user=person,
            name=str(number),
            credential_id=bytes([number]),
            public_key=b"key",
            suspended_at=now if how == SUSPENDED else None,
        )
    if held.asked_for_pass:
        AccessPass.objects.create(user=person, digest=b"digest", epoch=0)


def stands(person):
    """What they can prove themselves with, and whether a password alone is asked for more before a set-up."""
    now = circumstances_of(fresh(person))
    return bool(set(now.proofs) - {Method.ACCESS_PASS}), Step.CHALLENGE in pending_steps(now.standing, {"password"})


def fresh(person):
    return User.objects.select_related("company").get(pk=person.pk)


@pytest.fixture
def somebody(make_user, company):
    """A person of that role, under that rule."""

    def of(rule):
        person = make_user("sam", role=rule.role, company=None if rule.role == Role.ADMINISTRATOR else company)
        Company.objects.update(two_factor_enabled=rule.company)
        if rule.site:
            site_rule.demand_factor(actor=make_user("petra", role=Role.ADMINISTRATOR, company=None))
        return person

    return of


def acts_of(person):
    """All acts of `person` on themselves, each by its name."""
    yield from ((name, lambda act=act: act(fresh(person))) for name, act in ACTS.items())
    for passkey in Passkey.objects.filter(user=person).select_related("user"):
        for name, act in ON_A_PASSKEY.items():
            yield name, lambda act=act, passkey=passkey: act(passkey, fresh(person))


def test_all_acts_of_people_on_themselves_are_tried():
    acts = {
        name
        for name, each in inspect.getmembers(services, inspect.isfunction)
        if each.__module__ == services.__name__ and not name.startswith("_")
        if "actor" in inspect.signature(inspect.unwrap(each)).parameters
    }
    assert acts == ACTS.keys() | ON_A_PASSKEY.keys()


@pytest.mark.row("ASVS-6.3.3")
@pytest.mark.parametrize("rule", RULES)
def test_whatever_somebody_under_a_rule_does_their_last_factor_stays(rule, somebody):
    person = somebody(RULES[rule])
    refused = set()
    for held in STATES:
        put_in(person, held)
        before = stands(person)
        for name, act in list(acts_of(person)):
            tried = transaction.savepoint_create()
            try:
                with transaction.atomic():
                    act()
            except REFUSALS:
                refused.add(name)
                assert stands(person) == before
            for was, there in zip(before, stands(person), strict=True):
                assert there or not was, f"{name} of somebody who holds {held}"
            transaction.savepoint_rollback(tried)
    assert refused == {"disable_two_factor", "delete_passkey"}


@pytest.mark.parametrize("rule", RULES)
def test_a_passkey_is_kept_where_it_is_the_last_factor_and_nowhere_else(rule, somebody, make_user):
    """Suspended ones go always, and whoever administers may remove any."""
    person = somebody(RULES[rule])
    admin = make_user("ann", role=Role.ADMINISTRATOR, company=None)
    for held in STATES:
        put_in(person, held)
        alone = held.passkeys.count(IN_USE) == 1 and held.app != IN_USE and not (held.app and held.codes)
        for passkey, how in zip(Passkey.objects.filter(user=person).order_by("name"), held.passkeys, strict=True):
            for actor in (fresh(person), admin):
                stays = actor != admin and alone and how == IN_USE
                tried, refused = transaction.savepoint_create(), None
                try:
                    services.delete_passkey(passkey, actor=actor)
                except REFUSALS as trouble:
                    refused = type(trouble)
                by_rule = RequiredByCompany if RULES[rule].company else RequiredForSettings
                assert refused is (by_rule if stays else None), f"of somebody who holds {held}"
                transaction.savepoint_rollback(tried)


def test_where_no_rule_demands_one_everything_can_go(somebody):
    person = somebody(Rule(Role.COMPANY_ADMINISTRATOR))
    put_in(person, Held(IN_USE, True, (IN_USE,), True, False))

    services.disable_two_factor(person, actor=fresh(person))
    services.delete_passkey(Passkey.objects.get(), actor=fresh(person))

    assert stands(person) == (False, False)


# --- On the page ---


@pytest.mark.parametrize("rule", ["administrator, site", "member, site and company"])
def test_the_window_does_not_offer_what_is_refused_and_says_why(rule, somebody):
    sam = Person(somebody(RULES[rule]))
    passkey = sam.add_passkey()
    sam.use_passkey()
    if RULES[rule].company:  # it was switched on after the login
        Company.objects.update(two_factor_enabled=False)
        sam.use_passkey()
        Company.objects.update(two_factor_enabled=True)
    there = f"{OWN}passkeys/{passkey.pk}/delete/"

    page = sam.client.get(OWN)

    [button] = [each for each in read(page).all("button") if each.label == f"Delete passkey {passkey.name}"]
    assert "disabled" in button.attrs
    assert "It stays while you have no other method" in words(page)
    for answer in (sam.client.get(there, follow=True), sam.client.post(there, follow=True)):
        said = words(answer)
        if RULES[rule].company:
            assert "Acme Machines requires two-factor authentication. Set up an authenticator app first." in said
        else:
            assert "Everybody who opens the Settings app uses two-factor authentication or a passkey." in said
            assert "Set up an authenticator app or another passkey first." in said
        assert "Confirm" not in said
    assert Passkey.objects.exists()
    assert "passkey_deleted" not in [action for action, _by in audit_of(sam.user)]

    sam.set_up_app()

    assert "It stays while" not in words(sam.client.get(OWN))
    assert sam.client.post(there).status_code == 302
    assert not Passkey.objects.exists()


def test_app_and_passkey_do_not_both_go_in_two_acts(admin):
    """Each alone is allowed; then whoever has the password would choose the next factor."""
    petra = Person(admin)
    site_rule.demand_factor(actor=admin)
    petra.set_up_app()
    passkey = petra.add_passkey()
    petra.sign_in()
    assert petra.client.post(f"{OWN}two-factor/off/").status_code == 302
    assert not AuthenticatorApp.objects.exists()
    petra.use_passkey()

    petra.client.post(f"{OWN}passkeys/{passkey.pk}/delete/")

    assert Person(admin).enter_password().headers["Location"] == "/login/challenge/"
