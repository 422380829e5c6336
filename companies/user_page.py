"""A person's page as the helpdesk reads it: where they stand, in a sentence, and what they will see at the next login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext_lazy

from accounts.dates import moment
from accounts.invitations import can_choose_password
from accounts.permissions import Permission
from accounts.sessions.listed import ListedSession, sessions_of
from accounts.whereabouts import hidden
from companies.lost_factors import lost_factors
from companies.reminders import reminded_at, why_not
from mfa.demands import asked_in
from mfa.forecast import once_open, ways
from mfa.policy import Method, Step
from mfa.queries import State
from mfa.window.sentences import to_set_up

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User
    from mfa.forecast import Way
    from mfa.window.sentences import Window

AND_ALSO = pgettext_lazy("ways in", ", and ")
AT_MOST = 5  # sessions that are listed; of the others, how many


@dataclass(frozen=True)
class Verdict:
    """How somebody stands: its tone ("ok", "wait", "bad" or none), icon and sentence."""

    tone: str
    icon: str
    text: str


@dataclass(frozen=True)
class LoginLine:
    """What is seen at a step of the login, and what there is to say of it."""

    title: str
    more: str = ""
    wants_pass: bool = False  # there is none, and they cannot go on before one was given


@dataclass(frozen=True)
class UserPage:
    """The page about `person`, whom `window` is about too."""

    person: User
    window: Window

    @property
    def needs_first_pass(self) -> bool:
        """Is a pass for the first set-up all that there is to give? They hold nothing, and something is demanded."""
        return (self.person.two_factor_required or self.window.demanded) and not lost_factors(self.window)

    @property
    def may_give_pass(self) -> bool:
        """Would a pass stand for something, and is whoever looks the one to give it?"""
        if self.person == self.window.viewer or self.person.is_shut_out:
            return False
        of_use = self.window.app is not None or self.person.two_factor_required or self.window.demanded
        return of_use and Permission.PASS in self.window.viewer.permissions

    @property
    def verdict(self) -> Verdict:
        """Can they sign in, and what is demanded of them? Where the account is locked, the page says so above."""
        name, ways = self.person.get_short_name(), self.window.ways
        if self.person.is_shut_out:
            icon = "lock-closed" if self.person.is_active else "no-symbol"
            return Verdict("bad", icon, self.window.next_login)
        if not ways:
            return Verdict("wait", "envelope", self.window.next_login)
        if not any(way.leads_in for way in ways):
            return Verdict("bad", "no-symbol", _("{name} cannot sign in without help.").format(name=name))
        if self.window.state is State.ASKED:
            return Verdict("wait", "clock", _("{name} is asked to set up 2FA at the next login.").format(name=name))
        if self.window.state is State.SET_UP:
            return Verdict("ok", "shield-check", _("{name} is set up and can sign in.").format(name=name))
        if Step.CHALLENGE in ways[0].steps or ways[0].first == Method.PASSKEY:
            return Verdict("ok", "finger-print", _("{name} signs in with a passkey.").format(name=name))
        if self.window.usable_passkeys:
            text = _("{name} can sign in with a passkey, or with the password alone.")
            return Verdict("", "finger-print", text.format(name=name))
        return Verdict("", "key", _("{name} signs in with the password alone.").format(name=name))

    @property
    def ways_in(self) -> str:
        """How many ways lead in, and which: "3: password and code, and 2 passkeys"."""
        if self.person.is_shut_out:
            return ""
        leading = [way for way in self.window.ways if way.leads_in]
        alone = [way for way in leading if way.first == Method.PASSWORD and not way.proofs]
        coded = [way for way in leading if way.first == Method.PASSWORD and Method.TOTP in way.proofs]
        named = [_("password and code")] if coded else [_("password")] if alone else []
        number = self.window.usable_passkeys
        if number:
            text = ngettext("{number} passkey", "{number} passkeys", number)
            named.append(text.format(number=number))
        if not named:
            return ""
        return _("{number}: {named}").format(number=len(coded or alone) + number, named=str(AND_ALSO).join(named))

    @cached_property
    def sessions(self) -> list[ListedSession]:
        return sessions_of(self.person)

    @property
    def shown_sessions(self) -> list[ListedSession]:
        return [] if hidden(self.person.pk, self.window.viewer) else self.sessions[:AT_MOST]

    @property
    def more_sessions(self) -> int:
        return len(self.sessions) - len(self.shown_sessions)

    # --- Reminders ---

    @cached_property
    def is_asked(self) -> bool:
        """Does the next login ask them to set something up?"""
        return bool(asked_in(self.window.circumstances))

    @cached_property
    def reminded(self) -> datetime | None:
        return reminded_at(self.person) if self.is_asked else None

    @property
    def not_reminded(self) -> str:
        """Why whoever looks cannot remind them, in a word; "" where they can."""
        return why_not(self.person, self.window.circumstances, self.reminded, actor=self.window.viewer) or ""

    # --- The next login ---

    @property
    def next_login(self) -> list[LoginLine]:
        """What they will see, in order; the way that begins with the password where there is one."""
        if self.person.is_shut_out:
            return self._turned_away()
        now = self.window.ways
        if not now:
            return self._by_invitation()
        way = now[0]
        lines = [self._beginning(way, now), *(self._line(step, way) for step in way.steps)]
        return [*lines, LoginLine(self._home)] if way.leads_in else lines

    def _by_invitation(self) -> list[LoginLine]:
        """What begins with the link of the invitation, if one works, and a password that they choose."""
        ways_then = ways(once_open(self.window.circumstances))
        way, name = ways_then[0], self.person.get_short_name()
        more = self.window.next_login
        if not can_choose_password(self.person):
            more = _("No link works now: {name} has to be invited again.").format(name=name)
        lines = [
            LoginLine(_("The link of the invitation: a password is chosen"), more),
            self._beginning(way, ways_then),
        ]
        lines += [self._line(step, way) for step in way.steps]
        return [*lines, LoginLine(self._home)] if way.leads_in else lines

    def _turned_away(self) -> list[LoginLine]:
        if self.person.locked_at and self.person.is_active:
            return [
                LoginLine(_("User name and password, or a passkey")),
                LoginLine(_("“This account is locked. Call your administrator.”")),
            ]
        return [LoginLine(_("User name and password")), LoginLine(_("The same answer as to a wrong password."))]

    def _beginning(self, way: Way, all_ways: list[Way]) -> LoginLine:
        """The first factor, and how much shorter the way with a passkey is."""
        if way.first == Method.PASSKEY:
            return LoginLine(_("A passkey"), _("There is no password."))
        others = [other for other in all_ways if other.first == Method.PASSKEY]
        if not others:
            return LoginLine(_("User name and password"))
        skipped = len(way.steps) - len(others[0].steps)
        if skipped < 1:
            return LoginLine(_("User name and password"), _("Or a passkey"))
        text = _("Or a passkey, and then straight to step {number}").format(number=2 + skipped)
        return LoginLine(_("User name and password"), text)

    def _line(self, step: Step, way: Way) -> LoginLine:
        name = self.person.get_short_name()
        match step:
            case Step.CHALLENGE:
                return self._challenge(way)
            case Step.CHOOSE_PASSWORD:
                return LoginLine(
                    _("A longer password"), _("Without an authenticator app, the present one is too short.")
                )
            case Step.SET_UP_TWO_FACTOR:
                more = _("Until it is set up, {name} cannot get in.").format(name=name)
                what = to_set_up(self.window.circumstances.standing, {way.first, *way.proofs})
                return LoginLine(_("Set up {what}").format(what=what), more)
            case Step.SAVE_RECOVERY_CODES:
                return LoginLine(_("Save 10 recovery codes"))
            case _:
                return LoginLine(_("“Add a passkey”"), self._asked_by)

    def _challenge(self, way: Way) -> LoginLine:
        """What is asked for beside the password, and what does instead."""
        if not way.leads_in:
            if self.window.app is not None:
                return LoginLine(_("A code, which nothing can produce any more"), self.window.next_login_locked)
            return LoginLine(_("An access pass"), self.window.asked(self.window.circumstances), wants_pass=True)
        first, *others = (self._proof(method) for method in way.proofs)
        if not others:
            return LoginLine(first[:1].upper() + first[1:])
        return LoginLine(first[:1].upper() + first[1:], _("Or {others}").format(others=_(", or ").join(others)))

    def _proof(self, method: str) -> str:
        if method == Method.RECOVERY:
            left = self.window.codes_left
            return ngettext("the last recovery code", "one of {left} recovery codes", left).format(left=left)
        return {
            Method.TOTP: _("six-digit code from the authenticator app"),
            Method.PASSKEY: _("a passkey"),
            Method.ACCESS_PASS: _("the access pass"),
        }.get(Method(method), method)

    @property
    def _asked_by(self) -> str:
        """Who asked for a passkey, and when; it can be put off."""
        request, name = self.window.request, self.person.get_short_name()
        assert request  # else the login would not ask
        by = request.requested_by
        who = by.get_full_name() if by else _("an administrator")
        if by == self.window.viewer:
            who = _("you")
        text = _("Requested by {who} {when}; {name} can choose “Not now”")
        return text.format(who=who, when=moment(request.requested_at), name=name)

    @property
    def _home(self) -> str:
        return _("Settings") if self.person.opens_settings else _("Portal")
