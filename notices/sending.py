"""From a line of the audit to the mails about it. Mail never undoes or delays an act."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction

from accounts import delivery
from audit.sentences import SENTENCES
from audit.vocabulary import Action
from notices import letters
from notices.table import IN_THE_SHELL, NOTICES

if TYPE_CHECKING:
    from audit.models import AuditEvent
    from notices.notice import Notice

SPACED = 60  # seconds between two notices of one cause that say the same to the same people


def tell(event: AuditEvent) -> None:
    """Once `event` is committed, send the mails about it."""
    for notice in (*NOTICES.get(Action(event.action), ()), IN_THE_SHELL):
        if notice.when(event):
            transaction.on_commit(partial(_send, notice, event), robust=True)


def _send(notice: Notice, event: AuditEvent) -> None:
    recipients = notice.to(event)
    if not recipients:
        return
    letter = letters.letter(notice, event)
    cause = str(event.actor_id or event.address or event.subject_id)
    about = letter.about(recipients)
    mails = (letter.to(recipient) for recipient in recipients)
    if event.subject_id is None:
        delivery.deliver_to_many(mails, cause=cause, about=about, spaced=SPACED)
    else:
        delivery.deliver(*mails, cause=cause, about=about, spaced=SPACED)


def headline(event: AuditEvent) -> str:
    """The headline of the mail about `event`; if there is no such notice any more, the sentence of its line."""
    told = (notice for notice in NOTICES.get(Action(event.action), ()) if notice.when(event))
    return str(next((notice.headline for notice in told), SENTENCES[Action(event.action)].said))
