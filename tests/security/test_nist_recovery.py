"""NIST SP 800-63B-4, sections 4.2 to 4.5: getting back in, and what ends."""

from __future__ import annotations

from math import log2

import pytest

from accounts import people
from accounts.models import Session
from audit.models import AuditEvent
from mfa.methods import recovery
from mfa.models import RecoveryCode
from tests.accounts.walk import pages
from tests.people import PASSWORD, Person
from tests.security.links import NEW, ask, choose, link_in, signs_in


@pytest.mark.row("N-4.2.1.1-64")
def test_a_recovery_code_has_more_than_64_random_bits(kim):
    assert recovery.LENGTH * log2(len(set(recovery.ALPHABET))) == 80
    codes = {code for _round in range(100) for code in recovery.draw()}
    assert len(codes) == 1000
    assert all(len(code.replace("-", "")) == recovery.LENGTH for code in codes)


@pytest.mark.row("N-4.2.1.1-hash")
def test_no_code_is_stored(kim):
    kim.set_up_app()
    stored = b"".join(bytes(row.sealed_digest) for row in RecoveryCode.objects.all())

    for code in kim.codes:
        assert code.encode() not in stored
        assert recovery.read(code).encode() not in stored
        assert recovery._digest(recovery.read(code)) not in stored, "the digest is sealed too"


@pytest.mark.row("N-4.2.1.1-use")
def test_a_code_is_void_once_it_was_used(kim):
    kim.set_up_app()
    kim.enter_password()
    assert kim.enter_code(kim.codes[0]).headers["Location"] == "/"

    again = Person(kim.user)
    again.enter_password()

    assert again.enter_code(kim.codes[0]).status_code == 400
    assert not again.is_in


@pytest.mark.row("N-4.2.1.2")
def test_no_code_comes_by_mail(kim, mailoutbox):
    """What a mail brings is a link to choose a password: never a code, and never a way in."""
    kim.set_up_app()
    kim.enter_password()
    page = kim.client.get("/login/challenge/").content.decode().lower()

    assert "mail" not in page
    assert mailoutbox == []
    assert not [page.name for page in pages() if "sms" in page.name or "mail" in page.name]


@pytest.mark.row("N-4.2.2.2")
@pytest.mark.parametrize("code_first", [True, False])
def test_one_recovery_code_alone_opens_nothing(code_first, kim):
    kim.set_up_app()
    if code_first:
        kim.enter_code(kim.codes[0])
    assert not kim.is_in
    assert RecoveryCode.objects.filter(used_at=None).count() == 10
    kim.enter_password()
    assert not kim.is_in

    kim.enter_code(kim.codes[0])

    assert kim.is_in


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


@pytest.mark.row("N-4.1-record")
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
