"""Mail that is owed, delivered as the worker does it, when a test looks into the mailbox."""

from __future__ import annotations

from collections import UserList
from threading import Event

from django.core import mail

from accounts.delivery import deliver_due
from accounts.mail_turns import Turns
from accounts.models import OwedMail


def deliver_owed() -> None:
    """Deliver all that is owed, each mail by itself, as where a minute lies between any two; in the order of the acts."""
    OwedMail.objects.exclude(about="").update(about="")
    before = len(mail.outbox)
    deliver_due(Turns(), Event())
    acts = dict(OwedMail.objects.values_list("message_id", "pk"))
    mail.outbox[before:] = sorted(mail.outbox[before:], key=lambda each: acts[each.extra_headers["Message-ID"]])


class Outbox(UserList):
    """Django's list of what was mailed, after what is owed was delivered."""

    def __init__(self, *, may_ask: bool) -> None:
        self.may_ask = may_ask

    @property
    def data(self) -> list:
        if self.may_ask:
            deliver_owed()
        return mail.outbox

    def __getitem__(self, place):
        return self.data[place]
