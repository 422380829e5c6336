"""Where a line of the audit came from, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from audit.browsers import browser_name
from audit.methods import in_words
from audit.vocabulary import Action

if TYPE_CHECKING:
    from audit.models import AuditEvent


# Details of a line that hold words of our own, ids and moments. All other texts may have been typed by somebody.
OUR_WORDS = frozenset(
    {"act", "asked", "checked", "company", "kind", "many", "methods", "passkey", "role", "run", "session", "until"}
)
LEFT_OUT = "…"


def without_what_was_typed(details: Any, name: str = "") -> Any:
    """`details` of a line, or what they hold as `name`, with nothing that may tell who the line is about."""
    if isinstance(details, dict):
        return {key: without_what_was_typed(value, key) for key, value in details.items()}
    if isinstance(details, list):
        return [without_what_was_typed(value, name) for value in details]
    return LEFT_OUT if isinstance(details, str) and details and name not in OUR_WORDS else details


def place(event: AuditEvent) -> str:
    """The browser an act came from: "Firefox on Linux"."""
    return browser_name(event.browser) if event.browser else ""


def sign_in(event: AuditEvent) -> str:
    """How and with what browser somebody signed in or was refused, as their own list says it."""
    methods = in_words(event.details.get("methods", []))
    if event.action != Action.REFUSED:
        form = _("{place}, with {methods}")
    elif event.details.get("reason") == "Throttled":
        form = _("{place}, refused: too many attempts")
    else:
        form = _("{place}, refused: {methods} not right")
    return form.format(place=place(event) or _("Unknown browser"), methods=methods)
