"""Letting somebody in again whose account was locked: what they hold, and what becomes of each of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import models, transaction
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from accounts import invitations
from accounts.activity import seen_by
from accounts.authorization import OutOfReach
from accounts.models import User
from accounts.people import ChangedMeanwhile, end_lock
from accounts.permissions import Permission
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies import kept_apart
from mfa.forecast import Outcome, outcome, without_factors
from mfa.holding import hold_everything
from mfa.methods.passkeys import number_in_use
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode
from mfa.queries import circumstances_of
from mfa.seen import word_for
from mfa.services import delete_passkey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from django.db.models import QuerySet

APP, CODES = "app", "codes"
APP_BEFORE, CODES_BEFORE = "app_before", "codes_before"  # removed by a reset, and kept apart
MADE = (Action.APP_SET_UP, Action.RECOVERY_CODES_MADE, Action.PASSKEY_CREATED)
STRANGE_DAYS = 30


class Fate(models.TextChoices):
    """What becomes of a factor."""

    KEEP = "keep", _("Keep")
    REMOVE = "remove", _("Remove")


@dataclass(frozen=True)
class HeldFactor:
    """Something that somebody holds, or held until `removed_at`, when a reset put it apart.

    `made` is the audit's line, None where the viewer may not read it or none is there; `kept` is what is proposed.
    """

    key: str
    held: AuthenticatorApp | Passkey | None
    number: int
    at: datetime
    made: AuditEvent | None
    is_new: bool
    kept: bool
    removed_at: datetime | None = None

    @property
    def passkey(self) -> Passkey | None:
        return self.held if isinstance(self.held, Passkey) else None

    @property
    def last_used_at(self) -> datetime | None:
        return self.held.last_used_at if self.held else None


@dataclass(frozen=True)
class Lock:
    """Why nothing opens for `subject`, and what there is to look at, as `viewer` may see it."""

    subject: User
    viewer: User

    @property
    def needs_pass(self) -> bool:
        """Would nothing let them in but an access pass, if no factor were kept?"""
        now = circumstances_of(self.subject)
        return outcome(without_factors(now, pass_demanded=now.standing.pass_demanded)) is Outcome.STUCK

    @property
    def reported(self) -> AuditEvent | None:
        """The line of the "This wasn't me" that locked it, if one did."""
        if self.subject.locked_by_id is not None:
            return None
        return self._lines.filter(action=Action.REPORTED_NOT_ME).first()

    @cached_property
    def report_about(self) -> AuditEvent | None:
        """The line that the person said was not them."""
        reported = self.reported
        about = self._lines.filter(pk=reported.details.get("event")) if reported else None
        return next(iter(seen_by(self.viewer, about)), None) if about is not None else None

    @property
    def sessions(self) -> int:
        """How many sessions the lock ended."""
        lines = self._lines.filter(action__in=(Action.REPORTED_NOT_ME, Action.USER_LOCKED)).first()
        return int(lines.details.get("sessions", 0)) if lines else 0

    @cached_property
    def last_sure(self) -> datetime | None:
        """The last login that was surely the person's; None where none was.

        From a browser they had used before, before what they reported, and before anybody came from a new browser
        in the last thirty days: a stranger's second login is from a browser that is known by then.
        """
        locked_at = self.subject.locked_at
        assert locked_at  # there is a lock to look at
        logins = AuditEvent.objects.filter(subject=self.subject, action=Action.SIGNED_IN, at__lte=locked_at)
        about = self.report_about
        if about is not None:
            logins = logins.filter(pk__lt=about.pk)
        strange = logins.filter(details__has_key="new_browser", at__gt=locked_at - timedelta(days=STRANGE_DAYS))
        if first := strange.order_by("pk").first():
            logins = logins.filter(pk__lt=first.pk)
        return logins.order_by("-pk").values_list("at", flat=True).first()

    @property
    def addresses_before(self) -> list[str]:
        """Other e-mail addresses that the person had since the last login that was surely theirs, newest first."""
        changes = self._lines.filter(action=Action.USER_CHANGED, details__changes__has_key="email")
        if since := self.last_sure:
            changes = changes.filter(at__gt=since)
        return [line.details["changes"]["email"][0] for line in changes]

    def factors(self) -> list[HeldFactor]:
        """Everything that the person holds, with when and where it was made; then what a reset removed within a day."""
        found = [
            self._factor(APP, app, app.created_at, self._made(Action.APP_SET_UP))
            for app in AuthenticatorApp.objects.filter(user=self.subject, confirmed=True)
        ]
        codes = RecoveryCode.objects.filter(user=self.subject, used_at=None).order_by("-created_at")
        if number := len(codes):
            made = self._made(Action.RECOVERY_CODES_MADE)
            found.append(self._factor(CODES, None, codes[0].created_at, made, number=number))
        passkeys = [
            self._factor(str(passkey.pk), passkey, passkey.created_at, self._made_as(passkey))
            for passkey in Passkey.objects.filter(user=self.subject)
        ]
        return [*found, *passkeys, *self._kept_apart()]

    @property
    def word(self) -> str:
        """The word for what there is to look at (companies.seen)."""
        factors = [(factor.key, factor.at, factor.removed_at) for factor in self.factors()]
        return word_for(self.subject.locked_at, *factors)

    def _kept_apart(self) -> Iterator[HeldFactor]:
        """What a reset removed: an app together with its codes, codes alone, passkeys."""
        app = kept_apart.apps_of(self.subject).first()
        codes = list(kept_apart.codes_of(self.subject).order_by("-removed_at"))
        if app is not None:
            number = sum(code.removed_at == app.removed_at for code in codes)
            made = self._made(Action.APP_SET_UP)
            yield self._factor(APP_BEFORE, app, app.created_at, made, number=number, removed_at=app.removed_at)
        elif codes:
            made, at = self._made(Action.RECOVERY_CODES_MADE), codes[0].removed_at
            yield self._factor(CODES_BEFORE, None, codes[0].created_at, made, number=len(codes), removed_at=at)
        for passkey in kept_apart.passkeys_of(self.subject):
            made, at = self._made_as(passkey), passkey.removed_at
            yield self._factor(str(passkey.pk), passkey, passkey.created_at, made, removed_at=at)

    def _factor(
        self,
        key: str,
        held: AuthenticatorApp | Passkey | None,
        at: datetime,
        made: list[AuditEvent],
        *,
        number: int = 1,
        removed_at: datetime | None = None,
    ) -> HeldFactor:
        """`held`, and what is proposed: what is sure stays, and what a reset removed comes back if that was reported."""
        is_new = self.last_sure is None or at > self.last_sure
        about = self.report_about
        reported = removed_at is None or (about is not None and about.at >= removed_at)
        line = next((line for line in made if removed_at is None or line.at <= removed_at), None)
        return HeldFactor(
            key, held, number, at, line, is_new=is_new, kept=reported and not is_new, removed_at=removed_at
        )

    @cached_property
    def _making(self) -> list[AuditEvent]:
        """The lines of all that was made, newest first."""
        return seen_by(self.viewer, self._lines.filter(action__in=MADE))

    def _made(self, action: Action) -> list[AuditEvent]:
        return [line for line in self._making if line.action == action]

    def _made_as(self, passkey: Passkey) -> list[AuditEvent]:
        return [line for line in self._making if line.details.get("passkey") == str(passkey.pk)]

    @property
    def _lines(self) -> QuerySet[AuditEvent]:
        """What the viewer may read about the person: what was done in an earlier company stays there."""
        lines = AuditEvent.objects.filter(subject=self.subject)
        return lines if self.viewer.serves_site else lines.filter(company=self.viewer.company_id)


@transaction.atomic
def let_in(
    subject: User, *, kept: Iterable[str], checked: str, reason: str, actor: User, seen: str | None = None
) -> str:
    """Let `subject` in again with the factors `kept`, those of them that a reset had removed put back, and no others; the link by which they choose a new password.

    The old password is void. Their own 2FA switch stays: where it is on and no app was kept, the next login asks
    them to set one up. `seen` is the word of the `Lock` on which that was decided. Raises OutOfReach, and ChangedMeanwhile
    where the account is not locked (any more) or another is to be looked at.
    """
    subject = hold_everything(subject, actor=actor, needs=Permission.LOCK)
    if subject == actor:
        raise OutOfReach
    if subject.locked_at is None or not subject.is_active or seen not in {None, Lock(subject, actor).word}:
        raise ChangedMeanwhile
    keys = set(kept)
    apps_before = _apps_of(subject)
    apps = AuthenticatorApp.objects.filter(user=subject).delete()[0] if APP not in keys else 0
    codes = RecoveryCode.objects.filter(user=subject).delete()[0] if not {APP, CODES} <= keys else 0
    passkeys = [passkey for passkey in Passkey.objects.filter(user=subject) if str(passkey.pk) not in keys]
    for passkey in passkeys:
        delete_passkey(passkey, actor=actor)
    passkeys_left = number_in_use(subject)
    back = _put_back(subject, keys)
    end_lock(subject)
    record(
        Action.USER_LET_IN,
        actor=actor,
        subject=subject,
        removed={"authenticator_apps": apps, "recovery_codes": codes, "passkeys": len(passkeys)},
        put_back=back,
        changes={
            "locked": [True, False],
            "authenticator_apps": [apps_before, _apps_of(subject)],
            "passkeys": [passkeys_left, number_in_use(subject)],
        },
        checked=checked,
        reason=reason,
    )
    subject = User.objects.select_related("company").get(pk=subject.pk)
    return invitations.invite(subject, actor=actor)


def _apps_of(subject: User) -> int:
    return AuthenticatorApp.objects.filter(user=subject, confirmed=True).count()


def _put_back(subject: User, keys: set[str]) -> list[str]:
    """Put back those of `keys` that are kept apart; what they were, in the audit's words."""
    back = []
    app = kept_apart.apps_of(subject).first()
    if APP_BEFORE in keys and app is not None and kept_apart.put_back_app(subject, app):
        back.append("authenticator_app")
    elif CODES_BEFORE in keys and kept_apart.put_back_codes(subject):
        back.append("recovery_codes")
    chosen = [passkey for passkey in kept_apart.passkeys_of(subject) if str(passkey.pk) in keys]
    return back + [passkey.name for passkey in chosen if kept_apart.put_back_passkey(subject, passkey)]
