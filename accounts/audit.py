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
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.actions import Action
from accounts.browsers import browser_name
from accounts.models import AuditEvent
from accounts.seals import EVERY, seal_batch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User
    from companies.models import Company


log = logging.getLogger("m2v.audit")


@dataclass(frozen=True)
class Origin:
    """Where an act comes from: network address and the browser's own name (User-Agent)."""

    address: str | None = None
    browser: str = ""


NOWHERE = Origin()
_origin: ContextVar[Origin] = ContextVar("origin", default=NOWHERE)


@contextmanager
def origin(address: str | None, browser: str) -> Iterator[None]:
    """Every line recorded within comes from here."""
    token = _origin.set(Origin(address, browser))
    try:
        yield
    finally:
        _origin.reset(token)


def current_browser() -> str:
    """The User-Agent of the request being answered, or nothing on the command line."""
    return _origin.get().browser


def record(
    action: Action,
    *,
    actor: User | None,
    subject: User | None = None,
    company: Company | None = None,
    **details: object,
) -> AuditEvent:
    """Write one line, and tell the log once it is committed. `details` are plain values (JSON) and hold no secret."""
    here = _origin.get()
    line = AuditEvent.objects.create(
        action=action,
        actor=actor,
        subject=subject,
        company_id=company.pk if company else subject.company_id if subject else None,
        address=here.address,
        browser=here.browser[:300],
        details=details,
    )
    transaction.on_commit(partial(tell, line), robust=True)
    if line.pk % EVERY == 0:
        transaction.on_commit(seal_batch, robust=True)
    return line


def tell(line: AuditEvent) -> None:
    """`line` for the log, which leads elsewhere (ASVS 16.4.3)."""
    log.info(str(line.action), extra={"fields": {"id": line.pk, **line.columns(), "address": line.address}})


# What people do to themselves reads differently from what is done to them.
OWN_ACTS = {
    Action.TWO_FACTOR_ENABLED: gettext_lazy("{actor} switched two-factor authentication on"),
    Action.TWO_FACTOR_DISABLED: gettext_lazy("{actor} switched two-factor authentication off"),
    Action.PASSKEY_REQUESTED: gettext_lazy("{actor} asked to be reminded of a passkey"),
    Action.PASSKEY_REQUEST_DELETED: gettext_lazy("{actor} deleted the passkey request"),
    Action.PASSKEY_DELETED: gettext_lazy("{actor} deleted the passkey “{name}”"),
    Action.USER_CHANGED: gettext_lazy("{actor} changed their profile"),
    Action.SESSIONS_ENDED: gettext_lazy("{actor} ended all their sessions"),
}


def sentence(event: AuditEvent) -> str:
    """`event` as people read it, without time and place. Needs actor, subject and company loaded."""
    action = Action(event.action)
    own = event.actor_id is not None and event.actor_id == event.subject_id
    form = str(OWN_ACTS.get(action, action.label) if own else action.label)
    nobody = _("Somebody")
    details = {key: str(value) for key, value in event.details.items()}
    return form.format_map(
        {
            "name": "",
            "before": "",
            **details,
            "method": methods_in_words(event.details.get("methods", [])),
            "actor": event.actor.get_full_name() if event.actor else nobody,
            "subject": event.subject.get_full_name() if event.subject else details.get("username") or nobody,
            "company": event.company.name if event.company else "",
        }
    )


def methods_in_words(methods: list[str]) -> str:
    """How somebody signed in: "a password and a code", "a passkey"."""
    words = {
        "password": _("a password"),
        "totp": _("a code"),
        "recovery": _("a recovery code"),
        "passkey": _("a passkey"),
    }
    known = [words[method] for method in methods if method in words]
    return _("{first} and {last}").format(first=", ".join(known[:-1]), last=known[-1]) if known[1:] else "".join(known)


def place(event: AuditEvent) -> str:
    """The browser an act came from: "Firefox on Linux"."""
    return browser_name(event.browser) if event.browser else ""


def sign_in(event: AuditEvent) -> str:
    """How and with what browser somebody signed in or was refused, as their own list says it."""
    methods = methods_in_words(event.details.get("methods", []))
    form = (
        _("{place}, refused: {methods} not right") if event.action == Action.REFUSED else _("{place}, with {methods}")
    )
    return form.format(place=place(event) or _("Unknown browser"), methods=methods)
