"""From a line of the audit to the mails about it, which are owed once the act is committed, and by nothing else.

A mail that cannot be put into words is a line of the log: it is no reason to keep somebody from their act.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from django.db import DatabaseError, InterfaceError
from django.db.models import prefetch_related_objects

from accounts.models import User
from accounts.owed import owe
from audit.sentences import SENTENCES
from audit.vocabulary import Action
from notices import letters, recipients
from notices.asked import asked_of
from notices.table import IN_THE_SHELL, NOTICES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from accounts.owed import Draft
    from audit.models import AuditEvent
    from notices.notice import Notice

SPACED = 60  # seconds between two notices of one cause that say the same to the same people

log = logging.getLogger("m2v.mail")

_together: ContextVar[list[tuple[Notice, AuditEvent]] | None] = ContextVar("told_together", default=None)


def tell(event: AuditEvent) -> None:
    """In the transaction of `event`, write down the mails that are owed about it."""
    together = _together.get()
    for notice in (*NOTICES.get(Action(event.action), ()), IN_THE_SHELL):
        if notice.when(event):
            if together is None:
                _owe(notice, event)
            else:
                together.append((notice, event))


def tell_each(event: AuditEvent, people: Iterable[User]) -> None:
    """In the transaction of the caller, write down the mails about `event` to `people`: some of those whom it is told to,
    where they are too many for the transaction of the act.
    """
    told = recipients.all_asked(User.objects.filter(pk__in=[person.pk for person in people]))
    for notice in NOTICES[Action(event.action)]:
        if notice.when(event):  # told in that transaction
            continue
        letter = letters.letter(notice, event)
        owe(map(letter.to, told), cause=f"many {event.actor_id}")


@contextmanager
def told_together() -> Iterator[None]:
    """The mails about acts within are written down at its end, all at once. Its caller has the transaction open."""
    told: list[tuple[Notice, AuditEvent]] = []
    token = _together.set(told)
    try:
        yield
    finally:
        _together.reset(token)
    if told:
        _owe_many(told)


def _owe_many(told: list[tuple[Notice, AuditEvent]]) -> None:
    """All that the letters need is looked up here, in a few statements for all of them."""
    moved = recipients.moved_lately([event.subject_id for _notice, event in told])
    prefetch_related_objects([event for _notice, event in told], "company")
    asked = _asked_of(told)
    mails: list[Draft] = []
    for notice, event in told:
        with _left_out_if_wordless(event):
            stayed = notice.to is recipients.the_person and event.subject_id not in moved
            people = recipients.at_home(event) if stayed else notice.to(event)
            mails += map(letters.letter(notice, event, asked.get(event.subject_id)).to, people)
    owe(mails, cause=f"many {told[0][1].actor_id}")  # so that a letter of theirs does not wait behind all these


def _owe(notice: Notice, event: AuditEvent) -> None:
    with _left_out_if_wordless(event):
        if people := notice.to(event):
            asked = _asked_of([(notice, event)])
            letter = letters.letter(notice, event, asked.get(event.subject_id))
            cause = event.actor_id or event.address or event.subject_id
            owe([*map(letter.to, people)], cause=cause, about=letter.about(people), spaced=SPACED)


def _asked_of(told: list[tuple[Notice, AuditEvent]]) -> dict[UUID | None, list[str]]:
    """What the next login asks of those whom these tell so."""
    people = {event.subject_id for notice, event in told if notice.next_login and event.subject_id}
    return dict(asked_of(people).items())


@contextmanager
def _left_out_if_wordless(event: AuditEvent) -> Iterator[None]:
    """Log what goes wrong with the words of the mails about `event`; the database's troubles are the act's own."""
    try:
        yield
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        log.exception("A mail could not be put into words.", extra={"fields": {"action": event.action}})


def headline(event: AuditEvent) -> str:
    """The headline of the mail about `event`; if there is no such notice any more, the sentence of its line."""
    told = (notice for notice in NOTICES.get(Action(event.action), ()) if notice.when(event))
    return str(next((notice.headline for notice in told), SENTENCES[Action(event.action)].said))
