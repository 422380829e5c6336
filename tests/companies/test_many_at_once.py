"""A service does to many what it does to one: the same rows, lines of the audit, mails and refusals as click after click."""

from __future__ import annotations

import re
from collections import defaultdict
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.db.models import AutoField
from django.utils import timezone

from accounts import people
from accounts.authorization import NotPermitted, OutOfReach
from accounts.models import Budget, PendingAddress, Role, Session, User
from accounts.throttle import lanes
from audit.models import AuditEvent
from companies import reminders
from companies.listing import upkeep
from companies.models import Company, Reminder
from mfa import services
from mfa.models import AccessPass, AuthenticatorApp, Passkey, PasskeyRequest, RecoveryCode
from mfa.services import Sessions
from notices.sending import told_together

if TYPE_CHECKING:
    from collections.abc import Callable

CROWD = 18
ACTS: dict[str, Callable[..., Any]] = {
    "require": services.enable_two_factor,
    "require and sign out": partial(services.enable_two_factor, sessions=Sessions.END),
    "stop": services.disable_two_factor,
    "stop and sign out": partial(services.disable_two_factor, sessions=Sessions.END),
    "request": services.request_passkey,
    "withdraw": services.delete_passkey_request,
    "remind": reminders.remind_all,
    "sign out": people.end_sessions,
    "deactivate": people.deactivate_all,
}
# Compared by what they are about: mails by what they say, and what is counted twice by `upkeep.differences`.
NOT_BY_ROW = {"AuditEvent", "OwedMail", "Tally", "Total", "ContentType", "Permission"}


class UndoneError(Exception):
    """What was done is to be as if it never was."""


def crowd(admin: User, company: Company, random: Random) -> list[User]:
    """People of every kind, each with some of what an act can meet; in the order of their keys."""
    required = Company.objects.create(name="Strict", two_factor_enabled=True, pass_demanded=True)
    usable, now = make_password("a very long walk by the sea"), timezone.now()
    often = partial(random.choices, k=1)
    made, some = [], random.random
    for number in range(CROWD):
        person = User(
            id=UUID(int=random.getrandbits(128), version=4),
            username=f"person{number}",
            email=f"p{number}@acme.example" if some() < 0.8 else "",
            first_name=random.choice(["", "Ada", "Özil"]),
            password=usable if some() < 0.8 else make_password(None),
            password_is_short=some() < 0.5,
            company=random.choice([company, required]),
            role=often([Role.MEMBER, Role.ADMINISTRATOR, Role.AUDITOR], [6, 2, 1])[0],
            language=random.choice(["en", "de"]),
            is_active=some() < 0.85,
            locked_at=now if some() < 0.1 else None,
            two_factor_enabled=some() < 0.5,
        )
        person.save()
        made.append(person)
        give(person, admin, random)
    return sorted(made, key=lambda person: person.pk)


def give(person: User, admin: User, random: Random) -> None:
    """Some of what an act can meet."""
    some, now = random.random, timezone.now()
    if some() < 0.5:
        AuthenticatorApp.objects.create(user=person, key=b"sealed", last_used_step=-1)
        for _code in range(random.randrange(4)):
            RecoveryCode.objects.create(user=person, sealed_digest=b"sealed")
    if some() < 0.3:
        Passkey.objects.create(user=person, name="Phone", credential_id=person.pk.bytes, public_key=b"key")
    if some() < 0.4:
        PasskeyRequest.objects.create(user=person, requested_by=admin)
    if some() < 0.2:
        AccessPass.objects.create(user=person, digest=b"x", until=now + timedelta(hours=1), epoch=0)
    if some() < 0.2:
        PendingAddress.objects.create(user=person, email=f"new-{person.username}@acme.example", entered_by=admin)
    if some() < 0.2:
        Reminder.objects.create(person=person.pk, at=now - timedelta(hours=random.choice([1, 30])))
    if some() < 0.3:
        Budget.objects.create(key=lanes.factor_lane(person, "totp").key, failures=3, blocked_until=0, last_at=1)
    for place in range(random.randrange(3)):
        Session.objects.create(
            session_key=f"{person.username}-{place}",
            session_data="",
            expire_date=now + timedelta(hours=1),
            user=person,
            proved_by=random.choice(["password", "password totp", "password recovery"]),
        )


def done_and_undone(acts: Callable[[], list[Any]], mailoutbox: Any, commits: Any) -> tuple[Any, ...]:
    """What `acts` leave behind, and answer; all is as it was before, afterwards."""
    left: tuple[Any, ...] = ()
    try:
        with transaction.atomic():
            with commits(execute=True):
                answers = acts()
            mails = sorted((mail.to, mail.subject, re.sub(r"https?://\S+", "", mail.body)) for mail in mailoutbox)
            left = rows(), lines(), mails, answered(answers), upkeep.differences()
            raise UndoneError
    except UndoneError:
        mailoutbox.clear()
    return left


def rows() -> dict[str, list[str]]:
    """Every row but for its number, which may be another one, and a password that is none, which is drawn."""
    found = {}
    for model in apps.get_models():
        numbered = {"id": ""} if isinstance(model._meta.pk, AutoField) else {}
        said = (
            {**row, **numbered, "password": re.sub("^!.*", "!", row.get("password", ""))}
            for row in model._base_manager.values()
        )
        if model.__name__ not in NOT_BY_ROW:
            found[model.__name__] = sorted(repr(sorted(row.items())) for row in said)
    return found


def lines() -> dict[UUID | None, list[dict[str, Any]]]:
    """The lines of the audit about each person, in their order."""
    found = defaultdict(list)
    for line in AuditEvent.objects.order_by("pk").values():
        found[line["subject_id"]].append({**line, "id": ""})
    return dict(found)


def answered(answers: list[Any]) -> set[tuple[UUID, str]]:
    """Whom the service named, and what it said of them."""
    named = set()
    for answer in answers:
        said = answer if isinstance(answer, dict) else dict.fromkeys(answer or (), "")
        named |= {(person.pk, str(word)) for person, word in said.items()}
    return named


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("act", ACTS)
def test_to_many_at_once_is_the_same_as_click_after_click(
    admin, company, act, seed, mailoutbox, django_capture_on_commit_callbacks, time_machine
):
    time_machine.move_to(timezone.now(), tick=False)
    # Of the administrators only those among the people can sign in, so that one of them has to stay.
    User.objects.filter(pk=admin.pk).update(password="!")
    asked, do = crowd(admin, company, Random(seed)), ACTS[act]
    before = rows()

    clicks = done_and_undone(
        lambda: [do(User.objects.get(pk=person.pk), actor=admin) for person in asked],
        mailoutbox,
        django_capture_on_commit_callbacks,
    )
    at_once = done_and_undone(lambda: [do(*asked, actor=admin)], mailoutbox, django_capture_on_commit_callbacks)

    for one_by_one, together in zip(clicks, at_once, strict=True):
        assert together == one_by_one
    assert clicks[0] != before
    assert clicks[4] == {"people": 0, "numbers": 0, "totals": 0}
    if act == "deactivate":
        assert len(clicks[3]) == 1, "one who can sign in stays"
    if act in {"require", "stop", "request", "remind"}:
        assert clicks[2], "somebody is told"


@pytest.mark.parametrize("act", ACTS)
def test_where_one_is_out_of_reach_nothing_is_done_to_any(company_admin, other_company, make_user, act):
    mine, strange = make_user("mine", two_factor_enabled=True), make_user("strange", company=other_company)
    before = rows(), lines()

    with pytest.raises(OutOfReach), transaction.atomic():
        ACTS[act](mine, strange, actor=company_admin)

    assert (rows(), lines()) == before


def test_nobody_deactivates_themselves_among_others(admin, make_user):
    ben = make_user("ben")

    with pytest.raises(NotPermitted):
        people.deactivate_all(ben, admin, actor=admin)

    assert User.objects.get(pk=ben.pk).is_active


@pytest.mark.parametrize("act", ACTS)
def test_as_many_statements_as_for_few(admin, company, make_user, django_assert_max_num_queries, act):
    """A statement is for all of them: twenty people cost as many as three."""
    few = [make_user(f"few{n}", two_factor_enabled=n % 2 == 0) for n in range(3)]
    many = [make_user(f"many{n}", two_factor_enabled=n % 2 == 0) for n in range(20)]

    def counted(them: list[User]) -> int:
        with django_assert_max_num_queries(1000) as asked, transaction.atomic(), told_together():
            ACTS[act](*them, actor=admin)
        about = [each["sql"] for each in asked.captured_queries if "audit_auditevent" not in each["sql"]]
        return len(about)

    assert counted(many) == counted(few)
