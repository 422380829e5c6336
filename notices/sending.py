"""From a line of the audit to the mails about it. Mail never undoes or delays an act."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import prefetch_related_objects

from accounts import delivery
from audit.sentences import SENTENCES
from audit.vocabulary import Action
from notices import letters, recipients
from notices.table import IN_THE_SHELL, NOTICES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from audit.models import AuditEvent
    from notices.notice import Notice

SPACED = 60  # seconds between two notices of one cause that say the same to the same people


_together: ContextVar[list[tuple[Notice, AuditEvent]] | None] = ContextVar("told_together", default=None)


def tell(event: AuditEvent) -> None:
    """Once `event` is committed, send the mails about it."""
    together = _together.get()
    for notice in (*NOTICES.get(Action(event.action), ()), IN_THE_SHELL):
        if notice.when(event):
            if together is None:
                transaction.on_commit(partial(_send, notice, event), robust=True)
            else:
                together.append((notice, event))


@contextmanager
def told_together() -> Iterator[None]:
    """What is told of acts within goes out as one circular, made mail by mail when its turn comes."""
    told: list[tuple[Notice, AuditEvent]] = []
    token = _together.set(told)
    try:
        yield
    finally:
        _together.reset(token)
    if told:
        transaction.on_commit(partial(_send_many, told), robust=True)


def _send_many(told: list[tuple[Notice, AuditEvent]]) -> None:
    """All that the letters need is looked up here, in a few statements for all of them."""
    moved = recipients.moved_lately([event.subject_id for _notice, event in told])
    prefetch_related_objects([event for _notice, event in told], "company")
    to: list[tuple[Notice, AuditEvent, list[recipients.Recipient]]] = []
    for notice, event in told:
        stayed = notice.to is recipients.the_person and event.subject_id not in moved
        to.append((notice, event, recipients.at_home(event) if stayed else notice.to(event)))
    mails = (letters.letter(notice, event).to(each) for notice, event, people in to for each in people)
    delivery.deliver_to_many(mails, cause=str(told[0][1].actor_id))


def _send(notice: Notice, event: AuditEvent) -> None:
    people = notice.to(event)
    if not people:
        return
    letter = letters.letter(notice, event)
    cause = str(event.actor_id or event.address or event.subject_id)
    about = letter.about(people)
    mails = (letter.to(each) for each in people)
    if event.subject_id is None:
        delivery.deliver_to_many(mails, cause=cause, about=about, spaced=SPACED)
    else:
        delivery.deliver(*mails, cause=cause, about=about, spaced=SPACED)


def headline(event: AuditEvent) -> str:
    """The headline of the mail about `event`; if there is no such notice any more, the sentence of its line."""
    told = (notice for notice in NOTICES.get(Action(event.action), ()) if notice.when(event))
    return str(next((notice.headline for notice in told), SENTENCES[Action(event.action)].said))
