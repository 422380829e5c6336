"""Every service looks up again, under the lock, who acts and on whom: what the caller read may be old."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from django.db import transaction
from django.utils import timezone

import accounts
import companies
import mfa
import reporting
from accounts.authorization import NotPermitted, OutOfReach, ShutOut
from accounts.models import Role, SiteRule, User
from accounts.people import ChangedMeanwhile
from accounts.permissions import WHO_MAY, Permission
from companies.access_passes import IdentityCheck, Validity
from companies.bulk.choosing import from_ticked
from companies.models import Company, Import
from mfa.methods import recovery_codes
from mfa.methods.passkeys.ceremonies import NewPasskey
from mfa.models import AuthenticatorApp, Passkey
from reporting.activity_files import Form
from tests.accounts.walk import everything
from tests.people import UUID_ZERO

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.django_db


def services() -> list[Any]:
    """Every function that does something in somebody's name: it takes `actor` by keyword, and begins a transaction."""
    found = {}
    for package in (accounts, mfa, companies, reporting):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" in module.name or ".management" in module.name:
                continue
            for name, member in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
                plain = inspect.unwrap(member)
                actor = inspect.signature(plain).parameters.get("actor")
                acts = "transaction.atomic" in inspect.getsource(plain)
                if member.__module__ == module.name and not name.startswith("_") and actor and acts:
                    found[f"{module.name}.{name}"] = member
    return [pytest.param(service, id=name) for name, service in sorted(found.items())]


# But for those about many, which leave out whoever is out of reach (tests/companies/test_bulk.py), and about files.
ABOUT_ONE = [
    service for service in services() if not service.id.startswith(("companies.bulk.", "companies.importing."))
]


@pytest.fixture
def call(company, kim) -> Callable[..., object]:
    """Call a service with whatever it asks for, about `person` and Acme."""
    passkey = kim.add_passkey()

    def of(service: Any, actor: User, person: User) -> object:
        known = {
            "company": Company.objects.get(pk=company.pk),
            "passkey": Passkey.objects.select_related("user").get(pk=passkey.pk),
            "password": "four other words in a row",
            "key": b"k" * 20,
            "last_used_step": -1,
            "new": NewPasskey(b"another", b"key", 0, UUID_ZERO, ["internal"], False, False),
            "name": "Another name",
            "changed": ["first_name"],
            "session_id": UUID_ZERO,
            "kept": [],
            "sent": Import.objects.create(owner=actor.pk, name="people.csv", text="user name\nada\n", lines=1),
            "invites": False,
            "requires": False,
            "form": Form.CSV,
            "filters": {},
            "day": timezone.localdate(),
            "codes": recovery_codes.draw(),
            "checked": IdentityCheck.IN_PERSON,
            "reason": "She stood at my desk",
            "valid": Validity.AN_HOUR,
            "lost": {str(passkey.pk)},
            "run": from_ticked(actor, "sign_out", [str(kim.user.pk)]),
            "total": 1,
            "signs_out": False,
            "actor": actor,
        }
        known |= dict.fromkeys(("person", "people", "subject", "subjects", "user"), person)
        asked = inspect.signature(inspect.unwrap(service)).parameters.values()
        needed = [one for one in asked if one.default is one.empty]
        unknown = [one.name for one in needed if one.name not in known]
        assert not unknown, f"Say here what {service.__name__} is called with: {unknown}"
        by_place = [known[one.name] for one in needed if one.kind is not one.KEYWORD_ONLY]
        by_name = {one.name: known[one.name] for one in needed if one.kind is one.KEYWORD_ONLY}
        return service(*by_place, **by_name | {"actor": actor})

    return of


def refused(act: Callable[[], object]) -> None:
    """It changes nothing, and says whose fault it is."""
    before = everything()
    with (
        transaction.atomic(),
        pytest.raises((NotPermitted, OutOfReach, ShutOut, ChangedMeanwhile)),
        transaction.atomic(),
    ):
        act()
    assert everything() == before


def subject_of(service: Any, kim: User) -> User:
    """Kim, locked or with an app where that is what it is about; somebody new where people are made."""
    if service.__name__ == "let_in":
        User.objects.filter(pk=kim.pk).update(locked_at=timezone.now())
    if service.__name__ == "replace_recovery_codes":
        AuthenticatorApp.objects.create(user=kim, key=b"sealed", last_used_step=-1)
    if service.__name__ in {"give_pass", "withdraw_pass", "remind_all"}:
        User.objects.filter(pk=kim.pk).update(two_factor_enabled=True)
    return User(username="nadia", company=kim.company) if service.__name__ == "create_user" else kim


def test_the_services_are_found():
    names = {service.id for service in services()}
    assert {"accounts.people.change_user", "mfa.services.delete_passkey", "companies.services.rename_company"} <= names
    assert len(names) > 20


@pytest.mark.parametrize("service", services())
@pytest.mark.parametrize(
    "meanwhile",
    [
        {"is_active": False},
        {"locked_at": datetime(2026, 1, 1, tzinfo=UTC)},
        {"session_epoch": 7},
        {"role": Role.MEMBER},
    ],
    ids=["deactivated", "locked", "signed out everywhere", "made a member"],
)
def test_whoever_lost_their_rights_meanwhile_acts_no_more(call, service, meanwhile, admin, kim):
    User.objects.filter(pk=admin.pk).update(**meanwhile)
    person = subject_of(service, kim.user)

    refused(lambda: call(service, admin, person))


@pytest.mark.parametrize("service", ABOUT_ONE)
def test_whoever_left_an_administrators_company_meanwhile_is_out_of_their_reach(
    call, service, company_admin, kim, company, other_company
):
    """Of people, or of companies: of whatever the service is about, another one is somebody else's by now."""
    person = subject_of(service, kim.user)
    if "company" in inspect.signature(inspect.unwrap(service)).parameters or person != kim.user:
        User.objects.filter(pk=company_admin.pk).update(company=other_company)
    else:
        User.objects.filter(pk=kim.user.pk).update(company=other_company)

    refused(lambda: call(service, company_admin, person))


@pytest.mark.parametrize("service", services())
def test_whoever_was_made_administrator_meanwhile_is_out_of_a_company_administrators_reach(
    call, service, company_admin, kim
):
    if {"person", "people", "subject", "subjects", "passkey"} & set(
        inspect.signature(inspect.unwrap(service)).parameters
    ):
        User.objects.filter(pk=kim.user.pk).update(role=Role.ADMINISTRATOR)
        person = subject_of(service, kim.user)
        if person != kim.user:
            person.role = Role.ADMINISTRATOR
        refused(lambda: call(service, company_admin, person))


@pytest.mark.row("ASVS-8.2.1")
@pytest.mark.parametrize("service", services())
@pytest.mark.parametrize("role", Role)
def test_every_service_names_its_permission_and_asks_for_it_whoever_calls(call, service, role, make_user, kim):
    """The table of accounts/permissions.py, at the second door; the first is walked in tests/test_roles.py."""
    [permission] = set(re.findall(r"needs=Permission\.(\w+)", inspect.getsource(inspect.unwrap(service))))
    actor = make_user("rolf", role=role, company=None if role == Role.ADMINISTRATOR else kim.user.company)
    User.objects.filter(pk=kim.user.pk).update(is_active=service.__name__ != "activate_user")
    if service.__name__ in {"invite", "withdraw"}:
        kim.user.set_unusable_password()
        kim.user.save()
    person = subject_of(service, kim.user)

    if role in WHO_MAY[Permission[permission]]:
        call(service, actor, person)
    else:
        before = everything()
        with pytest.raises(NotPermitted), transaction.atomic():
            call(service, actor, person)
        assert everything() == before


@pytest.mark.parametrize("service", ABOUT_ONE)
def test_no_service_takes_the_last_factor_from_whoever_acts_on_themselves_under_a_rule(call, service, kim):
    """Those of mfa.services are tried in every state (tests/mfa/test_last_factor.py), and all others here in the worst."""
    User.objects.filter(pk=kim.user.pk).update(role=Role.ADMINISTRATOR)
    SiteRule.objects.update_or_create(defaults={"factor_demanded": True})
    kim.user.refresh_from_db()

    with suppress(Exception), transaction.atomic():
        call(service, kim.user, kim.user)

    assert Passkey.objects.filter(user=kim.user, suspended_at=None).exists()


OWNERS = {
    "change_password",
    "create_passkey",
    "end_others",
    "make_recovery_codes",
    "rename_passkey",
    "replace_recovery_codes",
    "set_up_app",
}


@pytest.mark.row("ASVS-8.3.1")
@pytest.mark.parametrize("service", [service for service in services() if service.id.rpartition(".")[2] in OWNERS])
def test_what_people_sign_in_with_is_set_up_and_named_by_nobody_but_themselves(call, service, admin, kim):
    """Nobody sets, adds or names a factor for somebody else, whatever their role."""
    person = subject_of(service, kim.user)

    refused(lambda: call(service, admin, person))


@pytest.mark.parametrize("service", [service for service in services() if service.id.rpartition(".")[2] not in OWNERS])
def test_an_administrator_who_is_still_one_may(call, service, admin, kim):
    """So that what the tests above refuse is refused for its reason: here nothing is."""
    kim.user.first_name = "Kimberly"
    unusable = {"invite", "withdraw"}
    if service.__name__ in unusable:
        kim.user.set_unusable_password()
        kim.user.save()
    User.objects.filter(pk=kim.user.pk).update(is_active=service.__name__ != "activate_user")

    call(service, admin, subject_of(service, kim.user))
