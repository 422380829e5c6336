"""NIST SP 800-63B-4, sections 4.2 to 4.5: getting back in, and what ends."""

from __future__ import annotations

import pytest

from accounts import people
from accounts.models import Session
from audit.models import AuditEvent
from tests.people import PASSWORD
from tests.security.links import NEW, ask, choose, link_in, signs_in


@pytest.mark.row("N-4.2.2.2")
def test_a_mailbox_and_a_recovery_code_are_two_different_methods(kim, mailoutbox):
    """Whoever forgot the password still needs the second factor, or the paper that stands for it."""
    kim.set_up_app()
    ask("kim@acme.example")
    choose(link_in(mailoutbox.pop()))
    kim.enter_password(NEW)
    assert not kim.is_in

    kim.enter_code(kim.codes[0])

    assert kim.is_in


@pytest.mark.row("N-4.1-record", "CS-RST-2")
def test_a_reset_and_what_came_of_it_are_on_record(kim, mailoutbox):
    ask("kim@acme.example")
    choose(link_in(mailoutbox.pop()))

    lines = AuditEvent.objects.filter(subject=kim.user).order_by("pk")
    assert [(line.action, line.address) for line in lines] == [
        ("password_reset_requested", "127.0.0.1"),
        ("password_changed", "127.0.0.1"),
    ]
    assert all(line.browser for line in lines)


@pytest.mark.row("N-4.5")
@pytest.mark.parametrize("half_way", [False, True])
def test_the_end_of_an_account_ends_links_passwords_and_sessions(half_way, kim, admin, mailoutbox):
    ask("kim@acme.example")
    link = link_in(mailoutbox.pop())
    if half_way:
        kim.set_up_app()
        kim.enter_password()
    else:
        kim.sign_in()

    people.deactivate_user(kim.user, actor=admin)

    assert choose(link) is None
    assert not signs_in("kim", PASSWORD)
    assert not kim.is_in
    assert not Session.objects.filter(user=kim.user).exists()
    people.activate_user(kim.user, actor=admin)
    assert not kim.is_in, "sessions of before do not come back"
