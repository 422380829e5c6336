"""What the MFA window says: every state as a sentence, to an administrator or to its owner."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.activity import Activity
from accounts.dates import day, moment, on_day
from accounts.invitations import can_choose_password
from accounts.models import Session, User
from accounts.permissions import Permission
from accounts.whereabouts import hidden
from mfa.forecast import Circumstances, Outcome, Way, outcome, requiring, switched_off, ways
from mfa.methods import recovery_codes
from mfa.methods.passkeys.signals import signals
from mfa.models import PasskeyRequest
from mfa.policy import Method, Step, passkey_will_do
from mfa.queries import State, circumstances_of, must_have_factor, state_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from audit.models import AuditEvent
    from mfa.models import AuthenticatorApp, Passkey
    from mfa.policy import Standing


def to_set_up(standing: Standing, proofs: AbstractSet[str]) -> str:
    """What the set-up of the login asks for, where a passkey may do in an app's place."""
    if passkey_will_do(standing, proofs):
        return _("an authenticator app, or a passkey in its place")
    return _("an authenticator app")


@dataclass(frozen=True)
class Window:
    """The window about `subject`, as `viewer` sees it."""

    subject: User
    viewer: User

    @property
    def own(self) -> bool:
        return self.subject == self.viewer

    @property
    def name(self) -> str:
        return self.subject.get_short_name()

    def said(self, own: str, other: str, **more: object) -> str:
        """The sentence for the owner, or for somebody else."""
        return (own if self.own else other).format(
            name=self.name, company=self.subject.company.name if self.subject.company else "", **more
        )

    # --- What there is ---

    @cached_property
    def app(self) -> AuthenticatorApp | None:
        return self.subject.authenticator_apps.filter(confirmed=True).first()

    @cached_property
    def codes_left(self) -> int:
        return self.subject.recovery_codes.filter(used_at=None).count()

    @cached_property
    def passkeys(self) -> list[Passkey]:
        return list(self.subject.passkeys.all())

    @cached_property
    def usable_passkeys(self) -> int:
        return sum(passkey.suspended_at is None for passkey in self.passkeys)

    @cached_property
    def request(self) -> PasskeyRequest | None:
        return PasskeyRequest.objects.select_related("requested_by").filter(user=self.subject).first()

    @cached_property
    def state(self) -> State:
        must = self.demanded and not self.usable_passkeys
        return state_of(self.subject, has_app=self.app is not None, must_have_factor=must)

    @cached_property
    def demanded(self) -> bool:
        """Does the site demand a factor of the subject, who opens the Settings app?"""
        return must_have_factor(self.subject)

    @cached_property
    def activity(self) -> list[AuditEvent]:
        return Activity(self.viewer, person=frozenset({self.subject.pk})).newest()

    @cached_property
    def sessions(self) -> int:
        return Session.objects.live().filter(user=self.subject).count()

    @property
    def sessions_end(self) -> str:
        """Beside "Sign out now": how many sessions end."""
        if not self.sessions:
            return self.said(_("You are not signed in anywhere."), _("{name} is not signed in anywhere."))
        return ngettext(
            "Ends {whose} {number} session at once.", "Ends {whose} {number} sessions at once.", self.sessions
        ).format(whose=self.said(_("your"), _("{name}’s")), number=self.sessions)

    @property
    def may(self) -> frozenset[Permission]:
        """What the viewer may do here: to themselves all that people do, to others what their role allows."""
        return frozenset(Permission) if self.own else self.viewer.permissions

    @property
    def locked_on(self) -> bool:
        """May the viewer not switch 2FA off, because it is their own and their company or the site requires it?"""
        return self.own and (self.subject.required_by_company or (self.demanded and not self.usable_passkeys))

    @cached_property
    def kept_passkey(self) -> Passkey | None:
        """The passkey that the viewer may not delete: their own, and all they hold while a rule demands a factor."""
        in_use = [passkey for passkey in self.passkeys if passkey.suspended_at is None]
        if not self.own or len(in_use) != 1 or self.circumstances.factors != [Method.PASSKEY]:
            return None
        return in_use[0] if self.subject.required_by_company or self.demanded else None

    # --- Sentences ---

    @property
    def hint(self) -> str:
        """Below the switch: whose it is."""
        if self.subject.two_factor_enabled:
            return self.said(_("Switched on for you"), _("Switched on for {name}"))
        if self.subject.required_by_company:
            return self.said(
                _("Not switched on for you; {company} requires it for everyone"),
                _("Not switched on for {name}; {company} requires it for everyone"),
            )
        if self.demanded:
            return self.said(
                _("Not switched on for you; whoever opens the Settings app needs it, or a passkey"),
                _("Not switched on for {name}; whoever opens the Settings app needs it, or a passkey"),
            )
        return self.said(_("Not switched on for you"), _("Not switched on for {name}"))

    @property
    def set_up_with(self) -> str:
        """What is set up, since when, last used when, and how many codes are left."""
        if self.app is None:
            return ""
        parts = [_("Authenticator app since {day}").format(day=day(self.app.created_at))]
        if self.app.last_used_at and not hidden(self.subject.pk, self.viewer):
            parts.append(_("last used {when}").format(when=moment(self.app.last_used_at)))
        parts.append(_("{left} of {all} recovery codes left").format(left=self.codes_left, all=recovery_codes.HOW_MANY))
        return ", ".join(parts)

    @property
    def in_short(self) -> str:
        """On User settings: what there is, in a line."""
        number, parts = len(self.passkeys), []
        if self.app is not None:
            parts.append(_("Authenticator app since {day}").format(day=day(self.app.created_at)))
        if number:
            parts.append(ngettext("%d passkey", "%d passkeys", number) % number)
        if self.app is not None:
            parts.append(
                _("{left} of {all} recovery codes left").format(left=self.codes_left, all=recovery_codes.HOW_MANY)
            )
        return ", ".join(parts) or _("Authenticator app, recovery codes and passkeys")

    @property
    def why(self) -> str:
        """Who switched it on, and whether the company requires it."""
        subject, reasons = self.subject, []
        if subject.two_factor_enabled:
            by, at = subject.two_factor_changed_by, subject.two_factor_changed_at
            if by and at:
                who = _("you") if by == self.viewer else by.get_full_name()
                reasons.append(_("switched on by {who} {on_day}").format(who=who, on_day=on_day(at)))
            else:
                reasons.append(self.said(_("switched on for you"), _("switched on for {name}")))
        if subject.company and subject.company.two_factor_enabled:
            since = subject.company.two_factor_changed_at
            reasons.append(
                _("required by {company} since {day}").format(company=subject.company.name, day=day(since))
                if since
                else _("required by {company}").format(company=subject.company.name)
            )
        if self.demanded:
            reasons.append(_("demanded of everybody who opens the Settings app, unless they use a passkey"))
        text = _(", and ").join(reasons)
        return text[:1].upper() + text[1:]

    @property
    def next_login(self) -> str:
        """What the subject will see."""
        if not self.subject.is_active:
            return self.said("", _("{name} is deactivated and cannot sign in."))
        if self.subject.locked_at is not None:
            return self.said("", _("{name} is locked and cannot sign in until an administrator lets them in again."))
        if not self.ways:
            if self.subject.last_sign_in_at and not can_choose_password(self.subject):
                return self.said("", _("{name} no longer has a password and cannot sign in until invited again."))
            return self.said("", _("{name} was invited and has not chosen a password yet."))
        if self.app is not None and self.app.disabled_at:
            return self.next_login_locked
        if asked := self.asked(self.circumstances):
            return " ".join(filter(None, (asked, self._longer_password, self._asked_too)))
        if not self.subject.has_usable_password():
            text = _("A passkey only: there is no password")
        elif self.demanded and self.app is None:
            text = _("A passkey, alone or after user name and password")
        elif Step.CHALLENGE in self.ways[0].steps:
            text = _("Password and code, or a passkey") if self.usable_passkeys else _("Password and code")
        else:
            text = _("User name and password, or a passkey") if self.usable_passkeys else _("User name and password")
        return ". ".join(filter(None, (text + self._then_asked, self._longer_password)))

    @cached_property
    def circumstances(self) -> Circumstances:
        return circumstances_of(self.subject)

    @property
    def asked_once_required(self) -> str:
        """What the next login asks for once 2FA is required, of somebody who has not set it up."""
        return self.asked(requiring(self.circumstances))

    @property
    def once_off(self) -> Circumstances:
        """What decides how the next login goes once 2FA is switched off."""
        required, demanded = self.subject.required_by_company, self.subject.pass_demanded_by_company
        return switched_off(self.circumstances, required=required, pass_demanded=demanded)

    @cached_property
    def ways(self) -> list[Way]:
        """The ways through the next login, as the policy has them."""
        return ways(self.circumstances)

    @property
    def _longer_password(self) -> str:
        """The sentence where the app is gone, beside which a short password was chosen."""
        if self.app is not None or not self.subject.password_is_short or not self.subject.has_usable_password():
            return ""
        other = _("Right after the password, {name} chooses a longer one.")
        return self.said(_("Right after the password, you choose a longer one."), other)

    @property
    def next_login_locked(self) -> str:
        """After a hundred wrong codes."""
        locked = _("The app is locked after 100 wrong codes.")
        if self.usable_passkeys or self.codes_left:
            own = _("You sign in with a passkey or a recovery code, and then set it up anew.")
            other = _("{name} signs in with a passkey or a recovery code, and then sets it up anew.")
        else:
            own = _("You have no other method left: ask an administrator to switch 2FA off for you.")
            other = _("{name} has no other method left. Switch 2FA off to let {name} in.")
        return f"{locked} {self.said(own, other)}"

    @property
    def _then_asked(self) -> str:
        """The end of the sentence where a passkey is requested."""
        if not self.request:
            return ""
        return self.said(_(", then you are asked to create a passkey"), _(", then {name} is asked to create a passkey"))

    @property
    def _asked_too(self) -> str:
        """The sentence after the set-up where a passkey is requested."""
        if not self.request:
            return ""
        return self.said(
            _("After that, you are asked to create a passkey."), _("After that, {name} is asked to create a passkey.")
        )

    def asked(self, circumstances: Circumstances) -> str:
        """The sentence where each way through this login asks for a set-up, or for a pass that there is not; else ""."""
        leading_in = [way for way in ways(circumstances) if way.leads_in]
        if not leading_in:
            return self._needs_pass
        if not all(Step.SET_UP_TWO_FACTOR in way.steps for way in leading_in):
            return ""
        what = to_set_up(circumstances.standing, {leading_in[0].first, *leading_in[0].proofs})
        if any(way.first == Method.PASSKEY for way in leading_in):
            return self.said(
                _(
                    "You sign in with a passkey and are then asked to set up {what}. Until it is set up, you cannot get in."
                ),
                _(
                    "{name} signs in with a passkey and is then asked to set up {what}. Until it is set up, {name} cannot get in."
                ),
                what=what,
            )
        if leading_in[0].proofs:
            return self.said(
                _(
                    "You enter the password and the access pass, and are then asked to set up {what}. Until it is set up, you cannot get in."
                ),
                _(
                    "{name} enters the password and the access pass, and is then asked to set up {what}. Until it is set up, {name} cannot get in."
                ),
                what=what,
            )
        return self.said(
            _("You enter the password and are then asked to set up {what}. Until it is set up, you cannot get in."),
            _(
                "{name} enters the password and is then asked to set up {what}. Until it is set up, {name} cannot get in."
            ),
            what=what,
        )

    def stuck(self, circumstances: Circumstances) -> str:
        """The sentence where no way through this login leads in, for want of a pass; else ""."""
        return self._needs_pass if outcome(circumstances) is Outcome.STUCK else ""

    @property
    def _needs_pass(self) -> str:
        own = _("Before the set-up you are asked for an access pass, and you have none: ask an administrator for one.")
        return self.said(own, _("Before the set-up, {name} is asked for an access pass and has none: give {name} one."))

    @property
    def passkeys_in_words(self) -> str:
        """Below the heading of the passkeys: what is requested, by whom and when."""
        if self.request is None:
            return self.said(
                _(
                    "With a passkey, you sign in by fingerprint, face or screen lock instead of password and code. No request is open."
                ),
                _(
                    "With a passkey, {name} signs in by fingerprint, face or screen lock instead of password and code. No request is open."
                ),
            )
        by = self.request.requested_by
        who = _("you") if by == self.viewer else by.get_full_name() if by else _("an administrator")
        return self.said(
            _(
                "Requested by {who} {when}. You are asked at every login until a passkey is created or the request is deleted."
            ),
            _(
                "Requested by {who} {when}. {name} is asked at every login until a passkey is created or the request is deleted."
            ),
            who=who,
            when=moment(self.request.requested_at),
        )

    @property
    def signals_json(self) -> str:
        """For the owner's browser."""
        return json.dumps(signals(self.subject, self.passkeys))
