"""What a reminder says of the next login, in the order of its steps, and until when nothing changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from audit.models import AuditEvent

# By the word that the line of the audit keeps.
ASKED: dict[str, _StrPromise] = {
    "missing_pass": _(
        "At your next login you need an access pass, after the password: ask your administrator for one before."
    ),
    "given_pass": _("At your next login, after the password, enter the access pass that you were given."),
    "two_factor": _(
        "You are asked to set up two-factor authentication, and cannot get in without it. Have your phone ready, with "
        "an authenticator app: the app reads a QR code from the page, and shows six digits, which you type in."
        " Then you save ten recovery codes, for the day the phone is gone. It takes two minutes."
    ),
    "factor": _(
        "You are asked to set up two-factor authentication or a passkey, and cannot get in without one of them. Have "
        "your phone ready: the page shows you how. It takes two minutes."
    ),
    "passkey": _(
        "You are asked to create a passkey: with it, you sign in by fingerprint, face or screen lock. It takes a "
        "minute, and “Not now” puts it off."
    ),
}
SET_UP = {"two_factor", "factor"}


def asks_for_set_up(event: AuditEvent) -> bool:
    """Does the reminder ask for more than a passkey?"""
    return bool(SET_UP & set(event.details.get("asked", ())))


def asks_for_passkey_alone(event: AuditEvent) -> bool:
    return not asks_for_set_up(event)


def asked_in_words(event: AuditEvent) -> str:
    """What the next login asks for; "" of any other line."""
    asked = [str(ASKED[each]) for each in event.details.get("asked", ()) if each in ASKED]
    if not asked:
        return ""
    until = _now("Until your next login nothing changes: where you are signed in, you stay signed in.")
    return " ".join([*asked, until])
