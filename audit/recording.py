"""The audit: one line for each act and each step of a sign-in.

Services call `record` inside their transaction, so that an act and its line
are there together or not at all. Where the request came from is kept beside
the call (`origin`), because services know no request.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from django.db import transaction

from audit.models import AuditEvent
from audit.prepared import PreparedRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from audit.vocabulary import Action


log = logging.getLogger("m2v.audit")

LINE = PreparedRow(AuditEvent)

# Who hears of each line, inside the transaction of its act: apps add themselves when they are ready.
listeners: list[Callable[[AuditEvent], None]] = []


class Company(Protocol):
    """A company, as far as a line needs one."""

    pk: Any


class Person(Protocol):
    """Whoever acts or is acted on, as far as a line needs them."""

    pk: Any

    @property
    def company_id(self) -> UUID | None: ...


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: network address, the browser's own name (User-Agent), and its cookie of who knows it."""

    address: str | None = None
    browser: str = ""
    cookie: str = ""


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)
_together: ContextVar[list[AuditEvent] | None] = ContextVar("together", default=None)
_more: ContextVar[dict[str, object] | None] = ContextVar("more", default=None)  # what each line says beside its own


@contextmanager
def origin(address: str | None, browser: str, cookie: str = "") -> Iterator[None]:
    """Every line recorded within comes from here."""
    token = _origin.set(Origin(address, browser, cookie))
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def in_the_shell(reason: str = "") -> Iterator[None]:
    """Every line recorded within was done on the command line, where nobody is signed in, for this `reason`.

    Its details say so (`shell`), and all administrators are told (notices.table).
    """
    with _saying({"shell": True, **({"reason": reason} if reason else {})}):
        yield


@contextmanager
def as_part_of(run: UUID) -> Iterator[None]:
    """Every line recorded within is one of many of the same act (`run` in its details): lists show them as one."""
    with _saying({"run": str(run)}):
        yield


@contextmanager
def written_together() -> Iterator[list[AuditEvent]]:
    """Lines recorded within, in one transaction, are written and heard at its end: those that are in the list then."""
    lines: list[AuditEvent] = []
    token = _together.set(lines)
    try:
        yield lines
    finally:
        _together.reset(token)
    for line in AuditEvent.objects.bulk_create(lines, batch_size=100):
        line.is_written = True
        _heard(line)


@contextmanager
def _saying(more: dict[str, object]) -> Iterator[None]:
    token = _more.set({**(_more.get() or {}), **more})
    try:
        yield
    finally:
        _more.reset(token)


def current_browser() -> str:
    """The User-Agent of the request being answered, or nothing on the command line."""
    return _origin.get().browser


def current_address() -> str | None:
    """The network address of the request being answered, if any."""
    return _origin.get().address


def known_browser_cookie() -> str:
    """What the browser says about who knows it (accounts.throttle.known_browsers), signed; not to be believed as it is."""
    return _origin.get().cookie


@transaction.atomic(savepoint=False)
def record(
    action: Action,
    *,
    actor: Person | None,
    subject: Person | None = None,
    company: Company | None = None,
    **details: object,
) -> AuditEvent:
    """Write one line and tell whoever listens; once it is committed, it is in the log too.

    A line that somebody cannot hear is not written, nor is the act that it is about: both are one transaction, also
    where the caller has none. `details` are plain values (JSON) and hold no secret.
    """
    here = _origin.get()
    said: dict[str, Any] = {
        "action": action,
        "actor": actor,
        "subject": subject,
        "company_id": company.pk if company else subject.company_id if subject else None,
        "address": here.address,
        "browser": here.browser[:300],
        "details": {**(_more.get() or {}), **details},
    }
    together = _together.get()
    if together is not None:
        together.append(AuditEvent(**said))
        return together[-1]
    line = AuditEvent(**said)
    LINE.add(line)
    line.is_written = True
    _heard(line)
    return line


def _heard(line: AuditEvent) -> None:
    for hear in listeners:
        hear(line)
    transaction.on_commit(partial(log_line, line), robust=True)


def log_line(line: AuditEvent) -> None:
    """`line` for the log, which leads elsewhere (ASVS 16.4.3)."""
    people = {"actor": line.actor_id, "subject": line.subject_id, "company": line.company_id}
    fields = {
        "id": line.pk,
        "at": line.at.isoformat(timespec="microseconds"),
        "action": str(line.action),
        **{role: id_ and str(id_) for role, id_ in people.items()},
        "address": line.address,
        "browser": line.browser,
        "details": line.details,
    }
    log.info(str(line.action), extra={"fields": fields})
