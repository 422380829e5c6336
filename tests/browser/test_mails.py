"""Mails as a phone shows them: no word, name or link makes one wider than the screen."""

from __future__ import annotations

from accounts import addresses, invitations
from accounts.forms import LONGEST_REASON
from accounts.models import User
from companies.access_passes import Validity, give_pass
from mfa import services

WIDTH = 320


def test_the_longest_words_fit_on_a_phone(page, admin, make_user, mailoutbox):
    name = "x" * 150
    user = make_user(name, first_name=name, email="kim@acme.example")
    services.enable_two_factor(user, actor=admin)
    give_pass(user, valid=Validity.AN_HOUR, checked="in_person", reason="x" * LONGEST_REASON, actor=admin)
    invitations.start_reset(user, actor=admin)
    addresses.enter(user, "new@acme.example", actor=user)
    assert len(mailoutbox)  # delivered, before the next link ends them
    User.objects.filter(pk=user.pk).update(password="")
    invitations.invite(User.objects.get(pk=user.pk), actor=admin)
    page.set_viewport_size({"width": WIDTH, "height": 640})

    mails = list(mailoutbox)

    subjects = {"m2v: An access pass was made for your account", "Your new m2v password", "Your m2v account"}
    assert {mail.subject for mail in mails} >= subjects | {"Confirm your e-mail address"}
    for mail in mails:
        page.set_content(mail.alternatives[0].content)
        assert page.evaluate("document.documentElement.scrollWidth") <= WIDTH, mail.subject
