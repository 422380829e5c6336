"""What an act will mean for this person, said before it is confirmed: what is lost, what follows, what stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.utils.translation import ngettext

from mfa.forecast import without_passkey
from mfa.policy import Method
from mfa.queries import State
from mfa.window.sentences import to_set_up

if TYPE_CHECKING:
    from mfa.models import Passkey
    from mfa.window.sentences import Window


@dataclass(frozen=True)
class Consequence:
    """One line of a confirmation; its tone is "bad" for a loss, "wait" for what is asked, "ok" for what stays."""

    tone: str
    icon: str
    text: str


IS_OLDER = _lazy(
    "This account was changed after this page was opened, and nothing was done. This is how it stands now."
)


def of_an_older_page() -> Consequence:
    """What is said first where a confirmation came from a page that is no longer right."""
    return Consequence("bad", "exclamation-circle", str(IS_OLDER))


def of_switching_on(window: Window) -> list[Consequence]:
    """What switching 2FA on means."""
    if window.state is State.SET_UP:
        text = window.said(
            _("Your authenticator app stays. Nothing else changes."),
            _("{name}’s authenticator app stays. Nothing else changes."),
        )
        return [Consequence("ok", "shield-check", text)]
    go_on = window.said(
        _("You stay signed in; you are asked at the next login."),
        _("{name} stays signed in and is asked at the next login."),
    )
    asked = [Consequence("wait", "clock", window.asked_once_required)]
    return [*asked, Consequence("", "arrow-right-end-on-rectangle", go_on)] if window.sessions else asked


def of_switching_off(window: Window) -> list[Consequence]:
    """What switching 2FA off means."""
    lines = [_removed(window), _next_login(window)]
    number = window.usable_passkeys
    if number:
        text = ngettext(
            "{whose} {passkeys} stays and keeps working.", "{whose} {passkeys} stay and keep working.", number
        ).format(
            whose=window.said(_("Your"), _("{name}’s")),
            passkeys=ngettext("%d passkey", "%d passkeys", number) % number,
        )
        lines.append(Consequence("ok", "finger-print", text))
    if window.app is not None:
        if window.subject.password_is_short:
            lines.append(_longer_password(window))
        lines.append(_signed_out(window))
    return lines


def _longer_password(window: Window) -> Consequence:
    """What becomes of a password that was chosen beside the app."""
    text = window.said(
        _("Your password is too short to protect your account on its own: you choose a longer one at the next login."),
        _(
            "{name}’s password is too short to protect the account on its own: {name} chooses a longer one at the next login."
        ),
    )
    return Consequence("wait", "key", text)


def of_new_codes(window: Window) -> list[Consequence]:
    """What new recovery codes mean."""
    lines = [Consequence("", "lifebuoy", _("The next page shows you ten new codes to save."))]
    if window.codes_left:
        kept = ngettext(
            "Your %d unused code works until you have saved the new ones, and no longer.",
            "Your %d unused codes work until you have saved the new ones, and no longer.",
            window.codes_left,
        )
        lines.append(Consequence("wait", "clock", kept % window.codes_left))
    lines.append(Consequence("ok", "shield-check", _("Your authenticator app stays as it is.")))
    return lines


def of_deleting(window: Window, passkey: Passkey) -> list[Consequence]:
    """What deleting `passkey` means."""
    others = sum(other != passkey and not other.suspended_at for other in window.passkeys)
    kept = []
    if others:
        kept.append(ngettext("%d other passkey", "%d other passkeys", others) % others)
    if window.app is not None:
        kept.append(_("the authenticator app"))
    gone = window.said(
        _("You can no longer sign in with it. This cannot be undone."),
        _("{name} can no longer sign in with it. This cannot be undone."),
    )
    left = window.said(_("You keep {kept}."), _("{name} keeps {kept}."), kept=_(" and ").join(kept))
    nothing_left = window.said(
        _("You have no other method left and will sign in with user name and password only."),
        _("{name} has no other method left and will sign in with user name and password only."),
    )
    without = without_passkey(window.circumstances)
    if stuck := window.stuck(without):
        no_other = window.said(_("You have no other method left."), _("{name} has no other method left."))
        nothing_left = f"{no_other} {stuck}"
    elif without.standing.must_set_up:
        nothing_left = window.said(
            _("You have no other method left and will be asked to set up {what} at the next login."),
            _("{name} has no other method left and will be asked to set up {what} at the next login."),
            what=to_set_up(without.standing, {Method.PASSWORD}),
        )
    elsewhere = window.said(
        _("It stays visible in your password manager until you delete it there."),
        _("It stays visible in {name}’s password manager until {name} deletes it there."),
    )
    return [
        Consequence("bad", "minus-circle", gone),
        Consequence("ok", "shield-check", left) if kept else Consequence("", "key", nothing_left),
        Consequence("", "device-phone-mobile", elsewhere),
        _signed_out(window),
    ]


def _signed_out(window: Window) -> Consequence:
    """What becomes of the sessions that a factor opened."""
    text = window.said(
        _("Wherever else you signed in with it, you are signed out."),
        _("Wherever {name} signed in with it, {name} is signed out."),
    )
    return Consequence("", "arrow-left-start-on-rectangle", text)


def _removed(window: Window) -> Consequence:
    """What is taken away."""
    if window.app is None:
        text = window.said(
            _("You have not set it up; there is nothing to remove."),
            _("{name} has not set it up; there is nothing to remove."),
        )
        return Consequence("", "minus-circle", text)
    text = window.said(
        _("Your authenticator app and {codes} are removed. This cannot be undone."),
        _("{name}’s authenticator app and {codes} are removed. This cannot be undone."),
        codes=ngettext("%d recovery code", "%d recovery codes", window.codes_left) % window.codes_left,
    )
    return Consequence("bad", "minus-circle", text)


def _next_login(window: Window) -> Consequence:
    """How the person signs in afterwards."""
    stuck = window.stuck(window.once_off)
    if stuck:
        by_site = _("Everybody who opens the Settings app needs it, or a passkey.")
        rule = _("{company} still requires it.") if window.subject.required_by_company else by_site
        return Consequence("bad", "no-symbol", f"{window.said(rule, rule)} {stuck}")
    if window.subject.required_by_company:
        again = _("{company} still requires it: {name} will be asked to set it up again at the next login.")
        first = _("{company} still requires it: {name} will be asked to set it up at the next login.")
        text = again if window.app is not None else first
        return Consequence("wait", "clock", window.said(text, text))
    if window.demanded and not window.usable_passkeys:
        text = _(
            "Everybody who opens the Settings app needs one: {name} will be asked to set up {what} at the next login."
        )
        what = to_set_up(window.once_off.standing, {Method.PASSWORD})
        return Consequence("wait", "clock", window.said(text, text, what=what))
    if window.demanded:
        text = window.said(
            _("You will sign in with a passkey, alone or after user name and password."),
            _("{name} will sign in with a passkey, alone or after user name and password."),
        )
    elif window.usable_passkeys:
        text = window.said(
            _("You will sign in with user name and password only, or with a passkey."),
            _("{name} will sign in with user name and password only, or with a passkey."),
        )
    else:
        text = window.said(
            _("You have no other method and will sign in with user name and password only."),
            _("{name} has no other method and will sign in with user name and password only."),
        )
    return Consequence("", "key", text)
