"""The server's clock ran ahead and was put right: what was made meanwhile lives no longer than anything else.

It is refused as what has run out is. A minute is what the clocks of two servers may differ by.
"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from accounts import addresses, invitations, people
from accounts.not_me import not_me_link
from accounts.throttle import known_browsers
from audit import recording
from audit.models import AuditEvent
from audit.recording import record
from audit.sealing import checkpoints, proof
from audit.vocabulary import Action
from companies.letting_in import let_in
from notices import recipients
from tests.addresses import link_of
from tests.links import ask, link_in
from tests.mfa.pages import words
from tests.people import PASSWORD, browser
from tests.post import deliver_owed

USERS = "/settings/administration/users/"
TEN_YEARS = 10 * 365 * 24 * 3600
AHEAD = pytest.mark.parametrize(("seconds", "works"), [(30, True), (120, False), (3600, False), (TEN_YEARS, False)])


@pytest.fixture
def clock(time_machine):
    time_machine.move_to("2026-05-04 09:30:15+00:00", tick=False)
    return time_machine


def path(link):
    return link.removeprefix("http://localhost:8000")


def reset(kim, _admin, _make_user):
    ask(kim.user.email)
    deliver_owed()
    return link_in(mail.outbox.pop())


def invitation(_kim, admin, make_user):
    return path(invitations.invite(make_user("nora", password=None), actor=admin))


def invitation_after_a_lock(kim, admin, _make_user):
    people.lock_user(kim.user, actor=admin)
    return path(let_in(kim.user, kept=(), checked="in_person", reason="A friend was joking.", actor=admin))


def address(kim, _admin, _make_user):
    kim.user.email = "new@acme.example"
    people.change_user(kim.user, changed=["email"], actor=kim.user)
    return link_of(kim.user)


def not_me(kim, _admin, _make_user):
    line = record(Action.PASSKEY_CREATED, actor=kim.user, subject=kim.user, name="Phone")
    return path(not_me_link(line, "kim@acme.example"))


@AHEAD
@pytest.mark.parametrize(
    "made", [reset, invitation, invitation_after_a_lock, address, not_me], ids=lambda f: f.__name__
)
def test_a_link_that_was_made_while_the_clock_ran_ahead_does_not_work(
    made, seconds, works, clock, kim, admin, make_user
):
    clock.shift(seconds)
    link = made(kim, admin, make_user)
    assert browser().get(link, follow=True).status_code == 200
    clock.shift(-seconds)

    assert browser().get(link, follow=True).status_code == (200 if works else 404)


@AHEAD
def test_a_link_that_was_opened_before_the_clock_was_put_right_does_not_work_after_it(seconds, works, clock, kim):
    clock.shift(seconds)
    reader = browser()
    form = reader.get(reset(kim, None, None)).headers["Location"]
    assert reader.get(form).status_code == 200
    clock.shift(-seconds)

    assert reader.get(form).status_code == (200 if works else 404)


@AHEAD
def test_an_address_that_was_entered_while_the_clock_ran_ahead_waits_no_longer(seconds, works, clock, kim):
    clock.shift(seconds)
    address(kim, None, None)
    clock.shift(-seconds)

    assert (addresses.waiting_for(kim.user) is not None) is works


def test_an_address_whose_row_alone_is_of_the_future_is_not_confirmed_either(clock, kim):
    address(kim, None, None)
    pending = addresses.waiting_for(kim.user)
    link = link_of(kim.user)
    pending.entered_at = timezone.now() + timedelta(hours=1)
    pending.save()

    assert browser().post(link).status_code == 404


def test_the_page_says_of_an_invitation_from_the_future_that_it_does_not_work_and_a_new_one_does(
    clock, administrator, make_user
):
    nora = make_user("nora", password=None)
    clock.shift(TEN_YEARS)
    invitations.invite(nora, actor=administrator.user)
    clock.shift(-TEN_YEARS)
    page = f"{USERS}{nora.pk}/"

    said = words(administrator.client.get(page))
    assert "The link of the last invitation does not work" in said
    assert "Withdraw invitation" not in said

    clock.shift(60)
    nora.refresh_from_db()
    link = path(invitations.invite(nora, actor=administrator.user))
    assert "is not used yet" in words(administrator.client.get(page))
    assert browser().get(link, follow=True).status_code == 200


@AHEAD
def test_a_browser_that_became_known_while_the_clock_ran_ahead_is_a_new_one(seconds, works, clock, kim):
    clock.shift(seconds)
    kim.sign_in()
    cookie = kim.client.cookies["known"].value
    clock.shift(-seconds)

    kim.user.refresh_from_db()
    with recording.origin(None, "", cookie):
        assert bool(known_browsers.recognised(kim.user)) is works


def test_an_address_that_was_replaced_while_the_clock_ran_ahead_is_not_told_for_years(clock, kim):
    def told():
        line = record(Action.PASSWORD_CHANGED, actor=kim.user, subject=kim.user)
        return {recipient.address for recipient in recipients.the_person(line)}

    clock.shift(TEN_YEARS)
    kim.user.email = "new@acme.example"
    kim.user.save()
    changes = {"email": ["kim@acme.example", "new@acme.example"]}
    record(Action.USER_CHANGED, actor=kim.user, subject=kim.user, changes=changes)
    assert told() == {"kim@acme.example", "new@acme.example"}
    clock.shift(-TEN_YEARS)

    assert told() == {"new@acme.example"}


def test_lines_of_the_future_are_sealed_with_the_others(clock, kim):
    clock.shift(TEN_YEARS)
    future = record(Action.PASSWORD_CHANGED, actor=kim.user, subject=kim.user)
    clock.shift(-TEN_YEARS)
    line = record(Action.PASSWORD_CHANGED, actor=kim.user, subject=kim.user)
    clock.shift(120)

    assert checkpoints.seal_lines() == 2
    assert proof.verify().unsealed == 0
    assert {future.pk, line.pk} == set(AuditEvent.objects.values_list("pk", flat=True))


def test_a_password_is_typed_as_before(clock, kim):
    """What the clock did shuts nobody out."""
    clock.shift(TEN_YEARS)
    kim.sign_in()
    clock.shift(-TEN_YEARS)

    assert kim.enter_password(PASSWORD).headers["Location"] == "/"
    assert AuditEvent.objects.filter(action="signed_in").count() == 2
