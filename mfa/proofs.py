"""Proving who one is, whatever it is for: the second step of a login, or confirming it later.

A proof that holds is used up in the caller's transaction. One that does not
is written down before its exception leaves, outside any transaction.
"""

from __future__ import annotations

from functools import cache
from time import time
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from accounts import login, throttle
from accounts.backends import AccountLocked
from audit.recording import record
from audit.vocabulary import Action
from mfa.methods import answers, passkeys, recovery, totp
from mfa.methods.ceremonies import Refused, RefusedForGood
from mfa.models import Passkey
from mfa.policy import Method
from mfa.queries import HELD, with_holdings
from mfa.sealing import Unreadable
from mfa.services import disable_factor, suspend_passkey

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet

    from accounts.models import User
    from mfa.methods.ceremonies import Authentication, Use
    from mfa.queries import Holdings


@cache
def passkeys_with_owner() -> QuerySet[Passkey]:
    """All passkeys, each with its owner and what they hold, to be filtered (see mfa.queries.holdings)."""
    return with_holdings(Passkey.objects.select_related("user__company"), "user__")


NOT_PROVED = (totp.WrongCode, recovery.WrongRecoveryCode, Refused)


def with_code(person: User, holdings: Holdings, code: str, then: Callable[[Method], str]) -> tuple[Method, str]:
    """Use up `code`, of the app or a recovery code, and do `then` in the same transaction; its answer.

    Raises WrongCode, NoApp, UsedCode, ClockOff, WrongRecoveryCode; Throttled before it is looked at. Unreadable where what it
    is compared with cannot be read: that is no guess, and costs nobody a factor.
    """
    method = Method.RECOVERY if recovery.looks_like_one(code) else Method.TOTP
    failures = _claim(person, method)
    try:
        with transaction.atomic():
            if holdings.app is None and not (holdings.app_disabled and method is Method.RECOVERY):
                raise totp.NoApp
            if holdings.app is not None and method is Method.TOTP:
                totp.spend(holdings.app, person, code)
            else:
                left = recovery.spend(person, code)
                record(Action.RECOVERY_CODE_USED, actor=person, subject=person, left=left)
            return method, then(method)
    except Unreadable as trouble:
        now = time()
        lanes = [throttle.factor_lane(person, method), *throttle.guess_lanes(person)]
        throttle.forgive(given_back=[throttle.Guess(lane.key, now) for lane in lanes])
        trouble.add_note(f"{method} of {person.pk}")
        raise
    except NOT_PROVED as trouble:
        login.refuse(person, method, type(trouble).__name__)
        if failures >= throttle.USED_UP:
            disable_factor(person, method)
        raise


def _claim(person: User, method: Method) -> int:
    """Take a guess; how many in a row were wrong with this method, this one included. Raises Throttled."""
    counted = throttle.factor_lane(person, method)
    try:
        return throttle.claim(counted, *throttle.guess_lanes(person))[counted.key]
    except throttle.Throttled:
        login.refuse(person, method, "Throttled")
        raise


def with_passkey(
    ceremonies: Sequence[Authentication], person: User | None, answer: object, then: Callable[[Passkey], str]
) -> str:
    """Check a passkey's `answer` to one of `ceremonies`, and do `then` with it in the same transaction.

    `person` is the one who must own it, None where it names its owner. Raises
    Refused, and Unknown where there is no such passkey. A signature cannot be
    guessed: a network waits for wrong ones alone (Throttled), so that nobody
    locks a passkey's owner out by guessing; wrong ones count as guesses too,
    against the owner's other proofs and the network's. Raises AccountLocked
    where it was right and opens nothing: that is no use of the passkey.
    """
    owner, network = person, throttle.address_lanes(kind="passkeys")
    try:
        throttle.claim(*network)
    except throttle.Throttled:
        login.refuse(owner, Method.PASSKEY, "Throttled")
        raise
    try:
        if not ceremonies:
            raise Refused("No question was asked.")
        passkey = _named_by(answer)
        owner = passkey.user
        handle = passkey.user_id.bytes
        use = passkeys.finish_authentication(ceremonies, person, passkey, answer, handle)
        if passkey.user.is_shut_out:
            throttle.forgive(given_back=[throttle.Guess(lane.key, time()) for lane in network])
            login.refuse(owner, Method.PASSKEY, AccountLocked.__name__)
            raise AccountLocked(passkey.user)
        with transaction.atomic():
            _remember(passkey, use)
            there = then(passkey)
            throttle.forgive(given_back=[throttle.Guess(lane.key, time()) for lane in network])
            return there
    except Refused as trouble:
        if isinstance(trouble, RefusedForGood):
            suspend_passkey(passkey, str(trouble))
        login.refuse(owner, Method.PASSKEY, str(trouble))
        throttle.count_failure(*(throttle.guess_lanes(owner) if owner else throttle.address_lanes()))
        raise


class Unknown(Refused):
    """No passkey of this id is here (any more)."""


def _named_by(answer: object) -> Passkey:
    """The passkey that `answer` claims to come from, of somebody active. Raises Refused, and Unknown."""
    passkey = next(iter(passkeys_with_owner().filter(credential_id=answers.credential_id_of(answer))), None)
    if passkey is None:
        raise Unknown
    for name in HELD:
        setattr(passkey.user, name, getattr(passkey, name))
    if not passkey.user.is_active:
        raise Refused("Its owner is deactivated.")
    return passkey


def _remember(passkey: Passkey, use: Use) -> None:
    """Write a use down, unless a later one was (two at once, WA-21): the counter never falls. Raises Refused."""
    # Passkeys that do not count say 0 every time.
    before = {"sign_count__lt": use.sign_count} if use.sign_count else {"sign_count": 0}
    same = Passkey.objects.filter(pk=passkey.pk, suspended_at=None, **before)
    if not same.update(sign_count=use.sign_count, backed_up=use.backed_up, last_used_at=timezone.now()):
        raise Refused("It was used, suspended or deleted meanwhile.")
