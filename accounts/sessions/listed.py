"""Where somebody is signed in, and ending it there (ASVS 7.5.2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from accounts.authorization import hold
from accounts.models import Session, User
from accounts.permissions import Permission
from accounts.sessions.current import current_id, current_key, stay
from audit.browsers import PHONES, browser_name, system_name
from audit.methods import in_words
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True)
class ListedSession:
    """One session as its person recognises it."""

    id: UUID
    browser: str
    on_phone: bool
    address: str
    since: datetime
    seen: datetime
    how: str
    here: bool


def sessions_of(person: User) -> list[ListedSession]:
    """Where `person` is signed in: the acting session first, then the one seen last."""
    sessions = Session.objects.live().filter(user=person, is_complete=True).order_by("-seen_at")
    found = [_listed(session) for session in sessions]
    return sorted(found, key=lambda session: not session.here)


def _listed(session: Session) -> ListedSession:
    methods = dict.fromkeys(proof.partition(":")[0] for proof in session.proved_by.split())
    return ListedSession(
        id=session.public_id,
        browser=browser_name(session.browser),
        on_phone=system_name(session.browser) in PHONES,
        address=session.address or "",
        since=session.started_at,
        seen=session.seen_at,
        how=in_words(methods),
        here=str(session.public_id) == current_id(),
    )


@transaction.atomic
def end_one(person: User, session_id: UUID, *, actor: User) -> str | None:
    """End one session of `person`, not the acting one; the browser that it was in, None where there is no such one."""
    hold(person, actor=actor, needs=Permission.SIGN_OUT)
    theirs = Session.objects.filter(user=person, is_complete=True, public_id=session_id).exclude(pk=current_key())
    session = theirs.first()
    if session is None or not theirs.delete()[0]:
        return None
    name = browser_name(session.browser)
    record(Action.SESSION_ENDED, actor=actor, subject=person, name=name, session=str(session_id))
    return name


@transaction.atomic
def end_others(person: User, *, actor: User) -> int:
    """End all sessions of `person` but the acting one, half-way logins included; how many they were.

    Their browsers become unknown.
    """
    hold(person, actor=actor, needs=Permission.OWN)
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
    person.refresh_from_db(fields=["session_epoch"])
    stay(person)
    ended, _ = Session.objects.filter(user=person).exclude(pk=current_key()).delete()
    record(Action.OTHER_SESSIONS_ENDED, actor=actor, subject=person, sessions=ended)
    return ended


def end_proved_by(people: Iterable[User], *proofs: str) -> None:
    """End the sessions of `people` that one of `proofs` ("totp", "passkey:<id>") opened, but the acting one."""
    proved = reduce(or_, (Q(proved_by__contains=proof) for proof in proofs))
    Session.objects.filter(proved, user__in=[person.pk for person in people]).exclude(pk=current_key()).delete()
