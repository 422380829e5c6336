"""Proving who one is, whatever it is for: a step of the login, or confirming it later.

A proof that holds is used up together with what is done within the `with`, in
one transaction: both are done, or neither is. One that does not hold is
written down before its exception leaves, outside any transaction.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from time import time
from typing import TYPE_CHECKING

from django.db import transaction

from accounts import login
from accounts.backends import AccountLocked
from accounts.login import Proof
from accounts.sealing import Unreadable
from accounts.throttle import budgets, lanes, rule
from audit.methods import beyond_password, guessed
from audit.prepared import Prepared
from mfa.methods import TYPED, passkeys
from mfa.methods.errors import NotProved
from mfa.methods.passkeys.ceremonies import Refused, RefusedForGood
from mfa.models import Passkey
from mfa.policy import Method
from mfa.queries import hand_over, held, with_holdings
from mfa.services import disable_factor, suspend_passkey

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from accounts.models import User
    from mfa.methods.held import Holdings
    from mfa.methods.passkeys.ceremonies import Authentication


@cache
def passkeys_with_owner() -> Prepared[Passkey]:
    """A passkey by its credential's id, removed or not, with its owner and what they hold."""
    return Prepared(
        lambda credential_id: with_holdings(Passkey.everything.filter(credential_id=credential_id), "user__"),
        "user",
        "user__company",
        more=held(),
    )


@contextmanager
def by_code(person: User, holdings: Holdings, method: str, code: str) -> Iterator[Proof]:
    """Use up the `code` of `method`; the proof that it is.

    Raises NotProved; Throttled before it is looked at. Unreadable where what it is compared with cannot be read: that is no
    guess, and costs nobody a factor.
    """
    failures = _claim(person, method)
    try:
        with transaction.atomic():
            TYPED[method].verify(person, holdings, code)
            yield Proof(method, time(), network=lanes.network_of(person))
    except Unreadable as trouble:
        now = time()
        taken_from = [lanes.factor_lane(person, method), *lanes.guess_lanes(person)]
        budgets.forgive(given_back=[budgets.Guess(lane.key, now) for lane in taken_from])
        trouble.add_note(f"{method} of {person.pk}")
        raise
    except NotProved as trouble:
        login.refuse(person, method, type(trouble).__name__)
        if failures >= rule.USED_UP:
            disable_factor(person, method)
        raise


def _claim(person: User, method: str) -> int:
    """Take a guess; how many in a row were wrong with this method, this one included. Raises Throttled."""
    counted = lanes.factor_lane(person, method)
    try:
        return budgets.claim(counted, *lanes.guess_lanes(person))[counted.key]
    except budgets.Throttled:
        login.refuse(person, method, "Throttled")
        raise


@contextmanager
def by_passkey(
    ceremonies: Sequence[Authentication], person: User | None, answer: object
) -> Iterator[tuple[User, Proof]]:
    """Check a passkey's `answer` to one of `ceremonies`; its owner, and the proof that it is.

    `person` is the one who must own it, None where it names its owner. Raises
    Refused, and Unknown where there is no such passkey. A signature cannot be
    guessed, so it takes no guess: a network waits for wrong ones alone (Throttled), and nobody
    locks a passkey's owner out by guessing; wrong ones count as guesses too,
    against the owner's other proofs and the network's. Raises AccountLocked
    where it was right and opens nothing: that is no use of the passkey.
    """
    owner, network = person, lanes.address_lanes(kind="passkeys")
    try:
        budgets.check(*network)
    except budgets.Throttled:
        login.refuse(owner, Method.PASSKEY, "Throttled")
        raise
    try:
        if not ceremonies:
            raise Refused("No question was asked.")
        passkey = _named_by(answer)
        owner = passkey.user
        handle = passkey.user_id.bytes
        use = passkeys.finish_authentication(ceremonies, person, passkey, answer, handle)
        if owner.is_shut_out:
            login.refuse(owner, Method.PASSKEY, AccountLocked.__name__)
            raise AccountLocked(owner)
        with transaction.atomic():
            passkeys.verify(passkey, use)
            yield owner, Proof(Method.PASSKEY, time(), by=str(passkey.pk))
    except Refused as trouble:
        if isinstance(trouble, RefusedForGood):
            suspend_passkey(passkey, str(trouble))
        login.refuse(owner, Method.PASSKEY, str(trouble))
        budgets.count_failure(*network, *(lanes.guess_lanes(owner) if owner else lanes.address_lanes()))
        raise


class Unknown(Refused):
    """No passkey of this id is here (any more)."""


def _named_by(answer: object) -> Passkey:
    """The passkey that `answer` claims to come from, of somebody active. Raises Refused, and Unknown."""
    passkey = next(iter(passkeys_with_owner().ask(passkeys.credential_id_of(answer))), None)
    if passkey is None:
        raise Unknown
    if passkey.removed_at:  # not unknown: the browser would have it forgotten, and it may be put back
        raise Refused("It was removed.")
    hand_over(passkey, passkey.user)
    if not passkey.user.is_active:
        raise Refused("Its owner is deactivated.")
    return passkey


def forgive_guesses(person: User, *proofs: Proof) -> None:
    """These were right: forget the failures that can be guesses, and give networks back what was taken for these."""
    guesses = guessed(proof.method for proof in proofs)
    if guesses:
        in_a_row = [lanes.factor_lane(person, method) for method in beyond_password(guesses)]
        given_back = [budgets.Guess(proof.network, proof.at) for proof in proofs if proof.network]
        budgets.forgive([lanes.person_lane(person), *in_a_row], given_back=given_back)
