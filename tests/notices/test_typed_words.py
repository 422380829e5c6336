"""What people typed, as mails say it: a reason whole, a name short; no line, no link, and no word that breaks a mail."""

from __future__ import annotations

from email import message_from_bytes, policy

import pytest
from django.core.management import call_command

from accounts.forms import LONGEST_REASON
from companies.access_passes import Validity, give_pass
from companies.lost_phone import reset
from mfa.models import Passkey

LONG = "Kim called from the head office and left the phone on the train to Graz, ticket INC/2026/17. " * 3
WHOLE = LONG[:LONGEST_REASON].strip()
LONGEST_LINE = 998  # octets (RFC 5322 section 2.1.1)


def to_kim(mails):
    """The mail to Kim, in both its forms."""
    [mail] = [mail for mail in mails if mail.to == ["kim@acme.example"] and "signed out" not in mail.subject]
    return mail.body, mail.alternatives[0].content


def by_the_page(kim, admin, reason, act):
    if act == "pass":
        give_pass(kim, valid=Validity.AN_HOUR, checked="in_person", reason=reason, actor=admin)
    else:
        reset(kim, lost=["app"], checked="in_person", reason=reason, actor=admin)


@pytest.mark.parametrize("act", ["pass", "reset"])
def test_a_reason_as_long_as_the_form_takes_arrives_whole(told, kim_with_app, admin, act):
    assert len(WHOLE) > LONGEST_REASON - 5

    for said in to_kim(told(by_the_page, kim_with_app.user, admin, WHOLE, act)):
        assert f"“{WHOLE}”" in said


def test_so_does_one_of_the_command_line_with_all_that_went(told, kim_with_app, admin):
    for number in range(4):
        Passkey.objects.create(
            user=kim_with_app.user, name=f"A passkey of Kim’s {number}", credential_id=bytes([number])
        )

    mails = told(call_command, "mfa", "reset", "kim", "--reason", WHOLE)

    [mail] = [mail for mail in mails if "command line" in mail.subject]
    assert f"“{WHOLE}”" in mail.body
    assert "10 recovery codes" in mail.body
    assert "and the passkey “A passkey of Kim’s 3”" in mail.body


def test_the_time_until_which_a_pass_opens_is_one_in_every_mail(told, kim_with_app, admin, clock):
    mails = told(call_command, "mfa", "pass", "kim", "--reason", "Called.", "--minutes", "480")

    [mail] = [mail for mail in mails if "command line" in mail.subject]
    assert "valid until 4 May 2026, 17:30:" in mail.body


@pytest.mark.parametrize(
    "typed",
    ["Look at https://evil.example/x", "Write to kim@evil.example", "One\nBcc: all@acme.example", "www.evil.example"],
)
def test_no_reason_is_a_link_or_a_line_of_its_own(told, kim_with_app, admin, typed):
    reason = f"{'Called twice. ' * 8}{typed}"

    for said in to_kim(told(by_the_page, kim_with_app.user, admin, reason, "pass")):
        [line] = [line for line in said.splitlines() if "Called twice" in line]
        assert "evil.example" not in said
        assert not {"://", "kim@evil", "www."} & {part for part in ("://", "kim@evil", "www.") if part in line}
        assert not any(line.startswith("Bcc") for line in said.splitlines())


@pytest.mark.parametrize("letter", ["x", "ß", "語", "🙂"])
def test_the_longest_word_breaks_no_line_of_a_mail(told, kim_with_app, admin, letter):
    word = letter * LONGEST_REASON
    mails = told(by_the_page, kim_with_app.user, admin, word, "pass")

    [sent] = [mail.message().as_bytes() for mail in mails if mail.to == ["kim@acme.example"]]

    assert max(map(len, sent.splitlines())) <= LONGEST_LINE
    read = message_from_bytes(sent, policy=policy.default)
    assert word in read.get_body(("plain",)).get_content()
    assert word in read.get_body(("html",)).get_content()
