"""Statements that Django writes once (audit.prepared): what they find is what a queryset finds, column by column."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Session, User
from accounts.throttle import budgets
from accounts.throttle.models import Budget
from audit.models import AuditEvent
from audit.prepared import Prepared, PreparedChange, PreparedRow
from companies import access_passes
from companies.models import Company
from mfa import services
from mfa.backends import SignInBackend
from mfa.methods import FACTORS
from mfa.models import AuthenticatorApp, Passkey
from mfa.proofs import passkeys_with_owner
from mfa.queries import held, holdings, holdings_of, with_holdings

if TYPE_CHECKING:
    from tests.people import Person

pytestmark = pytest.mark.django_db


def columns_of(row, *more):
    names = [*(field.attname for field in row._meta.concrete_fields), *more]
    return {name: getattr(row, name) for name in names}


def held_by(row):
    return {name: getattr(row, name) for name in held()}


@pytest.fixture
def full(kim, administrator) -> Person:
    """Somebody who has everything."""
    kim.set_up_app()
    kim.add_passkey()
    services.request_passkey(kim.user, actor=administrator.user)
    access_passes.give_pass(kim.user, valid=60, checked="known", reason="Lost phone", actor=administrator.user)
    return kim


@pytest.fixture(params=["full", "bare", "without a company"])
def person(request, make_person) -> User:
    if request.param == "full":
        return request.getfixturevalue("full").user
    made = make_person("lee").user
    if request.param == "without a company":
        User.objects.filter(pk=made.pk).update(company=None)
    return User.objects.get(pk=made.pk)


def test_somebody_by_name_is_found_as_a_queryset_finds_them(person):
    theirs = SignInBackend.people.get(pk=person.pk)

    with CaptureQueriesContext(connection) as asked:
        ours = SignInBackend().named(person.username.upper())
        assert ours.company == theirs.company
    assert len(asked) == 1
    assert columns_of(ours, *held()) == columns_of(theirs, *held())
    assert (ours.company and columns_of(ours.company)) == (theirs.company and columns_of(theirs.company))
    assert (ours._state.adding, ours._state.db) == (False, "default")
    assert holdings_of(ours) == holdings_of(theirs) == holdings_of(person)


def test_what_somebody_holds_is_read_as_a_queryset_reads_it(person):
    [ours] = holdings().ask(person.pk)

    assert held_by(ours) == held_by(with_holdings(User.objects.get_queryset()).get(pk=person.pk))


def test_what_somebody_holds_is_asked_anew_each_time(full):
    assert holdings_of(full.user).has_passkey
    Passkey.objects.update(suspended_at=timezone.now())
    AuthenticatorApp.objects.update(disabled_at=timezone.now())
    Company.objects.update(two_factor_enabled=True)

    now = holdings_of(full.user)
    assert (now.has_passkey, now.app, now.app_disabled) == (False, None, True)
    assert SignInBackend().named(full.user.username).company.two_factor_enabled


def test_what_nobody_holds_is_no_answer(make_person):
    lee = make_person("lee").user
    User.objects.filter(pk=lee.pk).delete()

    with pytest.raises(User.DoesNotExist):
        holdings_of(lee)


def test_a_passkey_is_read_as_a_queryset_reads_it(full):
    theirs = with_holdings(Passkey.everything.select_related("user__company"), "user__").get()
    [ours] = passkeys_with_owner().ask(bytes(theirs.credential_id))

    def plain(passkey):
        return {
            name: bytes(value) if isinstance(value, memoryview) else value
            for name, value in columns_of(passkey).items()
        }

    assert plain(ours) == plain(theirs)
    assert held_by(ours) == held_by(theirs)
    assert columns_of(ours.user) == columns_of(theirs.user)
    assert columns_of(ours.user.company) == columns_of(theirs.user.company)
    assert passkeys_with_owner().ask(b"of nobody") == []


def test_what_is_asked_reaches_the_database_as_a_value():
    for text in ("' OR 1=1 --", "%s", "%", "\\", '"; DROP TABLE accounts_user; --'):
        assert SignInBackend().named(text) is None
    assert Prepared(lambda key: Session.objects.filter(pk=key)).ask("') OR ('1'='1") == []


def test_budgets_are_read_as_a_queryset_reads_them():
    now = time()
    Budget.objects.bulk_create(
        Budget(key=key, failures=3, blocked_until=until, last_at=now)
        for key, until in (("a", 0), ("b", now + 60), ("c", now + 60))
    )
    three = Prepared(lambda now, *keys: Budget.objects.filter(key__in=keys, blocked_until__gt=now).order_by("key"))

    assert [row.key for row in three.ask(now, "c", "a", "b")] == ["b", "c"]
    with pytest.raises(budgets.Throttled):
        budgets.check(budgets.Lane("a"), budgets.Lane("b"))
    budgets.check(budgets.Lane("a"), budgets.Lane("nobody's"))
    budgets.forgive([budgets.Lane("b"), budgets.Lane("nobody's")])
    assert Budget.objects.get(pk="b").count.failures == 0
    assert Budget.objects.get(pk="c").count.failures == 3


def test_rows_that_are_read_to_be_changed_are_locked():
    locked = Prepared(lambda *keys: Budget.objects.select_for_update().filter(key__in=keys))
    with CaptureQueriesContext(connection) as asked, transaction.atomic():
        locked.ask("a", "b")

    [statement] = [query["sql"] for query in asked if query["sql"].startswith("SELECT")]
    assert ("FOR UPDATE" in statement) == connection.features.has_select_for_update


def test_a_value_that_the_statement_has_no_place_for_is_an_error():
    folding = Prepared(lambda name: User.objects.filter(Q(username=f"{name}!")))

    with pytest.raises(ValueError, match="Not every value has its place"):
        folding.ask("kim")


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", None])
@pytest.mark.parametrize("complete", [True, False])
def test_a_change_is_the_one_that_a_queryset_makes(kim, address, complete):
    now = timezone.now()
    values = {"address": address, "browser": "It's 5 % off", "seen_at": now, "user_id": kim.user.pk}
    change = PreparedChange(
        lambda key, complete, *values_: Session.objects.filter(pk=key, is_complete=False).update(
            is_complete=complete, **dict(zip(values, values_, strict=True))
        )
    )
    for key in ("a", "b", "c", "other"):
        Session.objects.create(session_key=key, session_data="", expire_date=now)

    assert [change.make(key, complete, *values.values()) for key in ("a", "b", "nobody's")] == [1, 1, 0]
    Session.objects.filter(pk="c").update(is_complete=complete, **values)
    ours, others, theirs = (columns_of(Session.objects.get(pk=key)) for key in ("a", "b", "c"))
    for name in ("session_key", "public_id", "started_at"):
        del ours[name], others[name], theirs[name]
    assert ours == others == theirs
    assert Session.objects.get(pk="other").browser == ""


def test_a_change_is_part_of_its_transaction_and_writing_it_changes_nothing(kim):
    change = PreparedChange(lambda key, now: User.objects.filter(pk=key).update(last_sign_in_at=now))
    everybody = PreparedChange(lambda name, now: User.objects.update(last_sign_in_at=now))

    with CaptureQueriesContext(connection) as sent, transaction.atomic():
        assert change.make(kim.user.pk, timezone.now()) == 1
        transaction.set_rollback(True)
    assert sum(query["sql"].startswith("UPDATE") for query in sent) == 1
    with pytest.raises(ValueError, match="Not every value has its place"):
        everybody.make("kim", timezone.now())
    kim.user.refresh_from_db()
    assert kim.user.last_sign_in_at is None


def test_what_is_changed_reaches_the_database_as_a_value(kim):
    rename = PreparedChange(lambda key, name: User.objects.filter(pk=key).update(first_name=name))
    for text in ("' OR 1=1 --", "%s", "%", "\\", '"; DROP TABLE accounts_user; --'):
        assert rename.make(kim.user.pk, text) == 1
        kim.user.refresh_from_db()
        assert kim.user.first_name == text


@pytest.mark.parametrize("details", [{}, {"methods": ["totp"], "reason": "It's 5 % off\\", "number": 1}])
@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", None])
def test_a_row_is_added_as_a_model_adds_it(kim, address, details):
    lines, now = PreparedRow(AuditEvent), timezone.now()
    said = {"action": "signed_in", "subject": kim.user, "address": address, "details": details, "at": now}
    theirs = AuditEvent.objects.create(**said)
    for _ in ("by Django", "by what it wrote", "once more"):
        line = AuditEvent(**said)
        lines.add(line)
        assert (line._state.adding, line._state.db) == (False, "default")
        assert line.pk > theirs.pk
        ours = columns_of(AuditEvent.objects.get(pk=line.pk))
        assert ours | {"id": theirs.pk} == columns_of(AuditEvent.objects.get(pk=theirs.pk))


def test_a_row_that_is_there_is_not_added_again(kim):
    sessions, now = PreparedRow(Session), timezone.now()
    for key in ("a", "b"):
        sessions.add(Session(session_key=key, session_data="", expire_date=now, user=kim.user))
    with pytest.raises(IntegrityError), transaction.atomic():
        sessions.add(Session(session_key="b", session_data="another", expire_date=now))
    assert list(Session.objects.filter(pk__in="ab").values_list("session_data", flat=True)) == ["", ""]


def test_every_method_is_asked_about():
    assert {name for method in FACTORS.values() for name in method.HELD} < set(held())
