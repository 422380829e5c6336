"""Where a line of the audit came from, as people read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from audit.browsers import browser_name
from audit.methods import in_words
from audit.vocabulary import Action

if TYPE_CHECKING:
    from audit.models import AuditEvent


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
