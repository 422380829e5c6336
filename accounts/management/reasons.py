"""Why something is done on the command line: what a page would take as a reason, a command takes, and nothing else."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from accounts.forms import ReasonField

PAGES_FIELD = ReasonField(required=False)


def reason_given(said: str) -> str:
    """What --reason says. Raises CommandError where it says nothing, or what cannot be kept."""
    try:
        reason: str = PAGES_FIELD.clean(said)
    except ValidationError as trouble:
        raise CommandError(f"--reason: {' '.join(trouble.messages)}") from trouble
    if not reason:
        raise CommandError(_("Say why, with --reason: it is kept in the audit."))
    return reason
