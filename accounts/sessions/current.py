"""Which session acts: seen when its person does something, and spared when they end their others.

Services know no request. `current_key` tells them which session an act comes
from, also when its key changed within the request.
"""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.sessions.store import SessionStore

    View = TypeVar("View", bound=Callable[..., HttpResponse])

_session: ContextVar[SessionStore | None] = ContextVar("session", default=None)


@contextmanager
def in_session(session: SessionStore) -> Iterator[None]:
    """Every act within comes from `session`."""
    token = _session.set(session)
    try:
        yield
    finally:
        _session.reset(token)


def current_key() -> str | None:
    """What the database knows the acting session by; None on the command line."""
    session = _session.get()
    return session.stored_key if session else None


def current_id() -> str:
    """The acting session's name for lists and the audit, which opens nothing; "" on the command line."""
    session = _session.get()
    return str(session.public_id) if session else ""


def current_person(user_id: object) -> User | None:
    """The person with this id, if the acting session is theirs: as they were read together with it, company included."""
    session = _session.get()
    person = session.person if session else None
    return person if person is not None and str(person.pk) == str(user_id) else None


def stay(person: User) -> None:
    """Keep the acting session, if it is `person`'s, although what their sessions are tied to has changed."""
    session = _session.get()
    if session is not None and session.get(SESSION_KEY) == str(person.pk):
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()


def in_background(*methods: str) -> Callable[[View], View]:
    """Requests that browsers send by themselves: nobody need be there (NIST SP 800-63B-4 section 5.2)."""

    def mark(view: View) -> View:
        view.in_background = frozenset(methods)  # type: ignore[attr-defined]  # a mark, as Django sets them on views
        return view

    return mark
