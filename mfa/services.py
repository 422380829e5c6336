"""Every act on somebody's multi-factor authentication, once.

The administrator's screen and the owner's screen call the same function and
say who acts. Each is one transaction with its audit line.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.authorization import hold, hold_each, one_administrator_stays
from accounts.models import User
from accounts.people import ChangedMeanwhile, end_sessions, measure_anew
from accounts.permissions import Permission
from accounts.sessions.listed import end_proved_by
from accounts.throttle import budgets, lanes
from audit import recording
from audit.recording import record
from audit.vocabulary import Action
from mfa.holding import hold_each_with_factors, hold_passkey, hold_with_factors
from mfa.methods import TYPED, access_pass, passkeys, recovery_codes, totp
from mfa.methods.passkeys.ceremonies import Refused
from mfa.models import AuthenticatorApp, Passkey, PasskeyRequest
from mfa.policy import Method
from mfa.queries import circumstances_of, holdings_of, must_have_factor
from mfa.seen import stakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import QuerySet

    from mfa.methods.passkeys.ceremonies import NewPasskey

BY_APP = (Method.TOTP, Method.RECOVERY)
SWITCH = "two_factor_enabled"


class Sessions(Enum):
    """What becomes of the sessions that are open when a rule changes."""

    GO_ON = "go_on"
    END = "end"


class RequiredByCompany(Exception):
    """While their company requires 2FA, people cannot switch their own off, nor delete the last factor they hold."""


class RequiredForSettings(Exception):
    """Whoever opens the Settings app keeps the last factor they hold while the site demands one."""


class SetUpMeanwhile(Exception):
    """Another app was set up while this one was on its way."""


class AppGone(Exception):
    """Recovery codes take the place of an app, and the person has none any more."""


@transaction.atomic
def enable_two_factor(*subjects: User, actor: User | None, sessions: Sessions = Sessions.GO_ON) -> None:
    """Switch 2FA on for each of `subjects`: whoever has not set it up is asked at the next login, after the password."""
    held = hold_each(subjects, actor=actor, needs=Permission.USER_RULE)
    for subject in _set_switch(subjects, held, on=True, actor=actor):
        record(Action.TWO_FACTOR_ENABLED, actor=actor, subject=subject, changes={SWITCH: [False, True]})
    if sessions is Sessions.END:
        end_sessions(*held, actor=actor)


@transaction.atomic
def disable_two_factor(
    *subjects: User, actor: User | None, sessions: Sessions = Sessions.GO_ON, seen: str | None = None
) -> None:
    """Remove authenticator app and recovery codes of each of `subjects`, and switch 2FA off. Other sessions opened by them
    end.

    `seen` is the word for what was at stake for each when that was decided (mfa.seen). Raises ChangedMeanwhile.

    Raises RequiredByCompany and RequiredForSettings where subjects act for themselves under the rule of
    their company or the site; an administrator may still, and the rule asks again at the next login, for a pass too
    where one was asked for and nothing was removed.
    """
    held = hold_each_with_factors(subjects, actor=actor, needs=Permission.USER_RULE)
    for oneself in (subject for subject in held if subject == actor):
        if oneself.required_by_company or not holdings_of(oneself).has_passkey:
            _unless_demanded(oneself)
    _unless_changed(held, seen)
    apps, codes = totp.remove(*held), recovery_codes.remove(*held)
    was_on = set(_set_switch(subjects, held, on=False, actor=actor))
    asked = access_pass.asked_of(held)
    freed = {subject for subject in asked if subject in was_on and not _demanded(subject)}
    access_pass.remove(*freed, *(subject for subject in asked if apps[subject.pk] or codes[subject.pk]))
    _count_anew(held, Method.TOTP, Method.RECOVERY)
    if without := [subject for subject in held if apps[subject.pk]]:
        end_proved_by(without, *BY_APP)
        measure_anew(*without)
    for subject in held:
        there = subject in was_on, apps[subject.pk], codes[subject.pk]
        if any(there):
            changes = {SWITCH: [there[0], False], "authenticator_apps": [there[1], 0], "recovery_codes": [there[2], 0]}
            record(Action.TWO_FACTOR_DISABLED, actor=actor, subject=subject, changes=changes)
    if sessions is Sessions.END:
        end_sessions(*held, actor=actor)


@transaction.atomic
def set_up_app(
    subject: User, key: bytes, *, last_used_step: int, actor: User, instead_of: AuthenticatorApp | None = None
) -> list[str]:
    """Make `key` the app of `subject`, `instead_of` the one there was; the new recovery codes.

    `last_used_step` is the step of the code that confirmed it, which is used
    up. The person's own switch goes on, so that the app stays when the
    company's switch goes off. Raises SetUpMeanwhile where the person has
    another app by now: nobody replaces what somebody else just set up.
    """
    now = hold_with_factors(subject, actor=actor, needs=Permission.OWN)
    there = AuthenticatorApp.objects.filter(user=subject, confirmed=True).first()
    if there != instead_of:
        raise SetUpMeanwhile
    totp.enrol(subject, key, last_used_step=last_used_step)
    _count_anew([subject], Method.TOTP)
    changes = {"authenticator_apps": [int(there is not None), 1]}
    record(Action.APP_SET_UP, actor=actor, subject=subject, changes=changes)
    if _set_switch([subject], [now], on=True, actor=actor):
        record(Action.TWO_FACTOR_ENABLED, actor=actor, subject=subject, changes={SWITCH: [False, True]})
    codes = make_recovery_codes(subject, actor=actor, with_app=True)
    access_pass.remove(subject)
    if there:
        end_proved_by([subject], *BY_APP)
    return codes


@transaction.atomic
def make_recovery_codes(subject: User, *, actor: User, with_app: bool = False) -> list[str]:
    """Ten new codes, to be shown once; all earlier ones are void. `with_app`: they come with a new app."""
    hold_with_factors(subject, actor=actor, needs=Permission.OWN)
    codes = recovery_codes.draw()
    _replace_codes(subject, codes, actor=actor, with_app=with_app)
    return codes


@transaction.atomic
def replace_recovery_codes(subject: User, codes: list[str], *, actor: User) -> None:
    """Make `codes`, which `subject` has saved, theirs; until now the earlier ones held. Raises AppGone."""
    hold_with_factors(subject, actor=actor, needs=Permission.OWN)
    if not AuthenticatorApp.objects.filter(user=subject, confirmed=True).exists():
        raise AppGone
    _replace_codes(subject, codes, actor=actor, with_app=False)


def _replace_codes(subject: User, codes: list[str], *, actor: User, with_app: bool) -> None:
    recovery_codes.enrol(subject, codes)
    _count_anew([subject], Method.RECOVERY)
    record(Action.RECOVERY_CODES_MADE, actor=actor, subject=subject, with_app=with_app)


@transaction.atomic
def request_passkey(*subjects: User, actor: User) -> list[User]:
    """Ask each of `subjects` for a passkey at every login until there is one. Those who are asked only now: an open request stays."""
    held = hold_each(subjects, actor=actor, needs=Permission.PASSKEY_REQUEST)
    there = set(_requests_of(held).values_list("user", flat=True))
    asked = [subject for subject in held if subject.pk not in there]
    PasskeyRequest.objects.bulk_create(PasskeyRequest(user=subject, requested_by=actor) for subject in asked)
    for subject in asked:
        record(Action.PASSKEY_REQUESTED, actor=actor, subject=subject, changes={"requests": [0, 1]})
    return asked


@transaction.atomic
def delete_passkey_request(*subjects: User, actor: User) -> list[User]:
    """Stop asking each of `subjects` for a passkey. Those who were asked for one."""
    held = hold_each(subjects, actor=actor, needs=Permission.PASSKEY_REQUEST)
    there = set(_requests_of(held).values_list("user", flat=True))
    asked = [subject for subject in held if subject.pk in there]
    if asked:
        _requests_of(asked).delete()
    for subject in asked:
        record(Action.PASSKEY_REQUEST_DELETED, actor=actor, subject=subject, changes={"requests": [1, 0]})
    return asked


def create_passkey(subject: User, new: NewPasskey, *, actor: User) -> Passkey:
    """Keep a verified new passkey of `subject`; an open request is met by it.

    Raises Refused where anybody has a passkey of this id already (§7.1 step 26), and TooManyPasskeys.
    """
    try:
        with transaction.atomic():
            hold(subject, actor=actor, needs=Permission.OWN)
            passkey = passkeys.enrol(subject, new, browser=recording.current_browser())
            met, _ = PasskeyRequest.objects.filter(user=subject).delete()
            changes = {**_passkeys(subject, by=1), "requests": [met, 0]}
            _record_passkey(Action.PASSKEY_CREATED, passkey, actor=actor, changes=changes)
    except IntegrityError as trouble:
        raise Refused("This passkey is registered already.") from trouble
    return passkey


@transaction.atomic
def rename_passkey(passkey: Passkey, name: str, *, actor: User, seen: str | None = None) -> None:
    """Call `passkey` `name`. The form has seen to it that the person has no other of that name.

    Raises ChangedMeanwhile where it is not called `seen` any more.
    """
    now = hold_passkey(passkey, actor=actor, needs=Permission.OWN)
    before = now.name if now else name
    if now and seen not in {None, before}:
        raise ChangedMeanwhile
    if name != before:
        Passkey.objects.filter(pk=passkey.pk).update(name=name)
        record(
            Action.PASSKEY_RENAMED,
            actor=actor,
            subject=passkey.user,
            before=before,
            name=name,
            passkey=str(passkey.pk),
        )


@transaction.atomic
def delete_passkey(passkey: Passkey, *, actor: User, seen: str | None = None) -> None:
    """Delete one passkey: nobody signs in with it any more, and the sessions that it opened end.

    `seen` is the word for what was at stake when that was decided (mfa.seen). Raises ChangedMeanwhile.

    Raises RequiredByCompany and RequiredForSettings where it is the last factor of people who act for themselves under
    such a rule: the next login would let whoever has the password alone choose the next.
    """
    now = hold_passkey(passkey, actor=actor, needs=Permission.PASSKEY_DELETE)
    was_in_use = now is not None and now.suspended_at is None
    if now and was_in_use and now.user == actor and _is_last_factor(now.user):
        _unless_demanded(now.user)
    if now:
        _unless_changed([now.user], seen)
    with one_administrator_stays(passkey.user):
        deleted = passkeys.remove(passkey)
    if deleted:
        end_proved_by([passkey.user], f"{Method.PASSKEY}:{passkey.pk}")
        changes = _passkeys(passkey.user, by=-1 if was_in_use else 0)
        _record_passkey(Action.PASSKEY_DELETED, passkey, actor=actor, changes=changes)


@transaction.atomic
def suspend_passkey(passkey: Passkey, reason: str) -> None:
    """Take a passkey out of use that is refused for good (`RefusedForGood`). Its owner sees it, and can only delete it."""
    if passkeys.suspend(passkey):
        end_proved_by([passkey.user], f"{Method.PASSKEY}:{passkey.pk}")
        changes = _passkeys(passkey.user, by=-1)
        _record_passkey(Action.PASSKEY_SUSPENDED, passkey, actor=None, changes=changes, reason=reason)


@transaction.atomic
def disable_factor(subject: User, method: str) -> None:
    """After a hundred wrong codes in a row: the app takes none any more until it is set up anew; recovery codes are void."""
    if disabled := TYPED[method].disable(subject):
        record(disabled, actor=None, subject=subject)


def _is_last_factor(person: User) -> bool:
    """Is a single passkey all that `person` can show beside the password?"""
    return circumstances_of(person).factors == [Method.PASSKEY] and passkeys.number_in_use(person) == 1


def _unless_demanded(oneself: User) -> None:
    """Let people give up a factor of theirs. Raises RequiredByCompany and RequiredForSettings."""
    if oneself.required_by_company:
        raise RequiredByCompany
    if must_have_factor(oneself):
        raise RequiredForSettings


def _unless_changed(people: Iterable[User], seen: str | None) -> None:
    """Go on where what is at stake for each of `people` is what was `seen`, if that is said. Raises ChangedMeanwhile."""
    if seen is not None and any(stakes(person) != seen for person in people):
        raise ChangedMeanwhile


def _demanded(person: User) -> bool:
    """Does a rule demand a factor of `person`, their company's or the site's?"""
    return person.required_by_company or must_have_factor(person)


def _passkeys(person: User, *, by: int) -> dict[str, list[int]]:
    """How many passkeys `person` can sign in with before and after this act, which changed their number `by` so many."""
    now = passkeys.number_in_use(person)
    return {"passkeys": [now - by, now]}


def _record_passkey(action: Action, passkey: Passkey, *, actor: User | None, **details: Any) -> None:
    record(action, actor=actor, subject=passkey.user, name=passkey.name, passkey=str(passkey.pk), **details)


def _requests_of(subjects: Iterable[User]) -> QuerySet[PasskeyRequest]:
    return PasskeyRequest.objects.filter(user__in=[subject.pk for subject in subjects])


def _count_anew(subjects: Sequence[User], *methods: Method) -> None:
    """A new factor begins without failures."""
    budgets.forgive([lanes.factor_lane(subject, method) for subject in subjects for method in methods])


def _set_switch(subjects: Iterable[User], held: Sequence[User], *, on: bool, actor: User | None) -> list[User]:
    """Set the own switch of each of `subjects`, who are `held`; those whose switch stood otherwise."""
    others = [subject for subject in held if subject.two_factor_enabled is not on]
    changed = User.objects.filter(pk__in=[subject.pk for subject in others], two_factor_enabled=not on)
    if others:
        changed.update(two_factor_enabled=on, two_factor_changed_at=timezone.now(), two_factor_changed_by=actor)
    for subject in (*subjects, *held):
        subject.two_factor_enabled = on
    return others
