"""What may have been on a phone that somebody lost, in the words of the dialog that asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.dates import day, moment
from accounts.whereabouts import hidden
from companies.letting_in import APP, CODES
from mfa.forecast import without_factors

if TYPE_CHECKING:
    from datetime import datetime

    from mfa.forecast import Circumstances
    from mfa.window.sentences import Window


@dataclass(frozen=True)
class LostFactor:
    """One thing that can be ticked to go: `key` as the service knows it, `ticked` at first."""

    key: str
    name: str
    hint: str
    ticked: bool


def lost_factors(window: Window) -> list[LostFactor]:
    """Everything that the person of `window` holds; the app and its codes are taken to be on the phone."""
    found, shows = [], not hidden(window.subject.pk, window.viewer)
    if window.app is not None:
        used = window.app.last_used_at if shows else None
        hint = _used(_("Since {day}").format(day=day(window.app.created_at)), used)
        found.append(LostFactor(APP, _("Authenticator app"), hint, ticked=True))
    if window.codes_left:
        number = ngettext("%d recovery code", "%d recovery codes", window.codes_left) % window.codes_left
        hint = _("They stand in for the authenticator app, and go with it.")
        found.append(LostFactor(CODES, number, hint, ticked=True))
    for passkey in window.passkeys:
        kind = _("Synced: also on other devices") if passkey.backup_eligible else _("On one device only")
        name = _("Passkey {name}").format(name=passkey.name)
        found.append(
            LostFactor(str(passkey.pk), name, _used(kind, passkey.last_used_at if shows else None), ticked=False)
        )
    return found


def after_reset(window: Window) -> list[str]:
    """What the next login is once what was lost is gone: with a passkey that stays, where there is one, and with nothing left."""
    now, demanded = window.circumstances, window.subject.pass_demanded_by_company
    nothing = _login(window, without_factors(now, pass_demanded=demanded))
    if not window.usable_passkeys:
        return [nothing]
    passkey = _login(window, without_factors(now, pass_demanded=demanded, has_passkey=True))
    return [
        _("If a passkey stays: {then}").format(then=passkey),
        _("If nothing stays: {then}").format(then=nothing),
    ]


def _login(window: Window, then: Circumstances) -> str:
    if asked := window.asked(then):
        return asked
    if not then.standing.has_passkey:
        text = _("{name} has no other method and will sign in with user name and password only.")
    elif then.standing.challenged:
        text = _("{name} will sign in with a passkey, alone or after user name and password.")
    else:
        text = _("{name} will sign in with user name and password only, or with a passkey.")
    return text.format(name=window.name)


def _used(first: str, last_used_at: datetime | None) -> str:
    if last_used_at is None:
        return first
    return f"{first} · " + _("last used {when}").format(when=moment(last_used_at))
