"""A mail is of no use once an act has ended what its link opens: it is not sent any more."""

from __future__ import annotations

from threading import Event

import pytest
from django.core import mail
from django.db import transaction

from accounts import addresses, delivery, invitations, mail_turns, people
from accounts.models import OwedMail
from tests.links import ask, choose, link_in

LINKED = {"Your m2v account", "Your new m2v password", "Confirm your e-mail address"}


@pytest.fixture
def nora(make_user):
    return make_user("nora", password=None)


def sent():
    """What the worker sends that has a link which opens something: to whom, and the mail."""
    delivery.deliver_due(mail_turns.Turns(), Event())
    return [(each.to[0], each) for each in mail.outbox if each.subject in LINKED]


def enter_address(person, email):
    person.user.email = email
    people.change_user(person.user, changed=["email"], actor=person.user)


def withdrawn(nora, _kim, admin, _company_admin):
    invitations.invite(nora, actor=admin)
    invitations.withdraw(nora, actor=admin)


def locked(nora, _kim, admin, _company_admin):
    invitations.invite(nora, actor=admin)
    people.lock_user(nora, actor=admin)


def chosen_meanwhile(_nora, kim, _admin, _company_admin):
    ask("kim@acme.example")
    people.change_password(kim.user, "four words in line", actor=kim.user)


def withdrawn_address(_nora, kim, _admin, _company_admin):
    enter_address(kim, "new@acme.example")
    addresses.withdraw(kim.user, actor=kim.user)


@pytest.mark.parametrize("act", [withdrawn, locked, chosen_meanwhile, withdrawn_address], ids=lambda f: f.__name__)
def test_what_an_act_has_ended_meanwhile_is_not_sent(act, nora, kim, admin, company_admin, caplog):
    act(nora, kim, admin, company_admin)

    assert sent() == []
    assert OwedMail.objects.filter(fate="expired", sealed=None).count() == 1
    assert "its link has ended" in caplog.text


def test_an_invitation_that_somebody_else_replaced_is_not_sent(nora, admin, company_admin):
    for actor in (admin, company_admin):
        invitations.invite(nora, actor=actor)

    [(_to, arrived)] = sent()
    assert choose(link_in(arrived)).status_code == 302


def test_of_two_that_are_sent_to_many_the_later_one_is(nora, admin):
    for _ in range(2):
        with transaction.atomic():
            invitations.invite_all([nora], actor=admin)

    [(_to, arrived)] = sent()
    assert choose(link_in(arrived)).status_code == 302
    assert OwedMail.objects.filter(fate="replaced").count() == 1


def test_of_two_addresses_the_one_that_was_entered_last_is_written_to(kim):
    for email in ("first@acme.example", "second@acme.example"):
        enter_address(kim, email)

    assert [to for to, _mail in sent()] == ["second@acme.example"]
    assert addresses.waiting_for(kim.user).email == "second@acme.example"


def test_what_was_asked_for_and_is_good_still_is_sent(nora, kim, admin):
    invitations.invite(nora, actor=admin)
    ask("kim@acme.example")
    enter_address(kim, "new@acme.example")

    assert {to for to, _mail in sent()} == {"nora@acme.example", "kim@acme.example", "new@acme.example"}
