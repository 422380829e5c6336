"""What is written down of a mail that is owed, and what is left of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import invitations
from accounts.addresses import ADDRESS_MAIL
from accounts.models import OwedMail
from accounts.owed import Draft, draft_of, owe
from accounts.sealing import Unreadable
from mfa.rotation import check_keys
from tests.links import ask, link_in
from tests.mfa.conftest import a_key


def owe_one():
    owe([Draft("kim@acme.example", "Hello", ADDRESS_MAIL, "en", {"username": "kim"})], cause="kim", about="this")


def stored():
    """All of the table, as somebody sees it who has stolen the database."""
    values = [value for row in OwedMail.objects.values_list() for value in row]
    return b" ".join(bytes(each) if isinstance(each, bytes | memoryview) else str(each).encode() for each in values)


def test_whoever_reads_the_database_finds_neither_link_nor_address_in_mail_that_waits(kim, admin, mailoutbox):
    invitations.start_reset(kim.user, actor=admin)
    ask("kim@acme.example")
    waiting = stored()

    assert OwedMail.objects.filter(ended_at=None).exclude(sealed=None).count() == OwedMail.objects.count() > 1
    tokens = [link_in(mail).split("/")[-2].encode() for mail in mailoutbox if "password-reset" in mail.body]
    assert len(tokens) == 2
    for secret in (*tokens, b"password-reset", b"kim@acme.example"):
        assert secret not in waiting


def test_what_a_mail_said_is_gone_once_it_is_delivered(kim, mailoutbox):
    ask("kim@acme.example")
    assert len(mailoutbox) == 1

    assert OwedMail.objects.filter(fate="delivered", sealed=None).count() == 1


def test_what_was_sealed_for_one_mail_is_read_for_no_other(db):
    owe_one()
    owe_one()
    first, second = OwedMail.objects.all()
    first.sealed = second.sealed

    with pytest.raises(Unreadable):
        draft_of(first)


def test_mail_that_waits_comes_under_a_new_key_and_arrives(db, keys, mailoutbox):
    old, new = a_key("2025"), a_key("2026")
    keys(old)
    owe_one()
    keys(new, old)
    call_command("rotate_mfa_keys")
    keys(new)

    assert len(mailoutbox) == 1


def test_mail_whose_key_is_gone_keeps_no_site_from_starting(db, keys):
    old, new = a_key("old"), a_key("new")
    keys(old)
    owe_one()
    keys(new)

    check_keys()
    assert OwedMail.objects.get().sealed


def test_after_three_days_nothing_is_left_of_a_mail(db, mailoutbox, time_machine, capsys):
    time_machine.move_to("2026-05-04 09:00:00+00:00")
    owe_one()
    assert len(mailoutbox) == 1
    owe_one()
    time_machine.shift(timedelta(days=3, minutes=1))
    call_command("tidy")

    assert OwedMail.objects.get().ended_at is None, "only what is over"
    assert "1 records of mail" in capsys.readouterr().out


def test_the_doctor_says_how_much_waits_and_fails_where_it_waits_for_too_long(admin, capsys):
    owe_one()
    call_command("doctor")
    assert (
        "Mail: 1 waiting, the first for 0 min, of which 0 are refused by their mailboxes for now; 0 given up"
        in capsys.readouterr().out
    )

    OwedMail.objects.update(created_at=timezone.now() - timedelta(minutes=12))

    with pytest.raises(CommandError, match="Mail has waited for 12 minutes"):
        call_command("doctor")
