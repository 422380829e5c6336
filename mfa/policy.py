"""Which steps are left before somebody is let in. Pure: values in, values out, nothing of ours imported."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet


class Method(StrEnum):
    """A way to prove who one is."""

    PASSWORD = "password"  # noqa: S105  # a name
    TOTP = "totp"
    RECOVERY = "recovery"
    PASSKEY = "passkey"
    ACCESS_PASS = "access_pass"  # noqa: S105  # the same


# What can name somebody. A code alone never does (NIST SP 800-63B-4 section 2.2.1).
FIRST_FACTORS = frozenset({Method.PASSWORD, Method.PASSKEY})


class Step(StrEnum):
    """A step of the login. Its value is the name of its page's URL."""

    CHALLENGE = "login_challenge"
    CHOOSE_PASSWORD = "login_setup_password"  # noqa: S105  # a name
    SET_UP_TWO_FACTOR = "login_setup_two_factor"
    SAVE_RECOVERY_CODES = "login_setup_recovery_codes"
    SET_UP_PASSKEY = "login_setup_passkey"


@dataclass(frozen=True)
class Standing:
    """What is demanded of a person, what they hold (`others`: more methods, by name), and what this login has put off.

    `must_have_factor`: they open the Settings app, whose rule an app meets, and a passkey that is used. `pass_demanded`: whoever holds nothing sets a first factor up with an access pass alone, not on the password.
    """

    two_factor_required: bool = False
    has_app: bool = False
    app_disabled: bool = False
    has_passkey: bool = False
    passkey_requested: bool = False
    passkey_postponed: bool = False
    others: frozenset[str] = frozenset()
    codes_unsaved: bool = False
    password_is_short: bool = False
    pass_demanded: bool = False
    must_have_factor: bool = False

    @property
    def accepted(self) -> frozenset[str]:
        """The methods that prove a factor which this person holds beyond the password."""
        methods = set(self.others)
        if self.has_app:
            methods |= {Method.RECOVERY} if self.app_disabled else {Method.TOTP, Method.RECOVERY}
        if self.has_passkey:
            methods |= {Method.PASSKEY}
        return frozenset(methods)

    @property
    def challenged(self) -> bool:
        """Is something asked for beside the password: what is held, or the pass that a first set-up demands?"""
        if self.has_app or self.others:
            return True
        return (self.two_factor_required or self.must_have_factor) and (self.has_passkey or self.pass_demanded)

    @property
    def must_set_up(self) -> bool:
        """Is an app missing: because it is required itself, or because some factor is, and there is none?"""
        return not self.has_app and (self.two_factor_required or (self.must_have_factor and not self.accepted))


def pending_steps(standing: Standing, proofs: AbstractSet[str]) -> tuple[Step, ...]:
    """The steps left before `standing`'s owner is let in, in order.

    Whoever has a method is challenged before they may enrol another: a rule
    made stricter must never let a stolen password choose the second factor.
    A password that is short, as it may be beside an app, does not get in once
    the app is gone; where a passkey was used, it is not the password that does.
    An access pass stands for the factor that is missing, and opens one thing: the
    set-up of an app, anew where there is one. By a pass alone nobody is ever in.
    Raises ValueError where `proofs` hold no first factor.
    """
    if not proofs & FIRST_FACTORS:
        raise ValueError("A login begins with a first factor.")
    steps = []
    unproved = standing.challenged and not proofs & standing.accepted
    by_pass = unproved and Method.ACCESS_PASS in proofs
    if unproved and not by_pass:
        steps.append(Step.CHALLENGE)
    if standing.password_is_short and not standing.has_app and Method.PASSKEY not in proofs:
        steps.append(Step.CHOOSE_PASSWORD)
    if by_pass or standing.must_set_up or (standing.has_app and standing.app_disabled):
        steps.append(Step.SET_UP_TWO_FACTOR)
    if standing.codes_unsaved:
        steps.append(Step.SAVE_RECOVERY_CODES)
    if standing.passkey_requested and not standing.passkey_postponed:
        steps.append(Step.SET_UP_PASSKEY)
    return tuple(steps)


def set_up_steps(pending: tuple[Step, ...]) -> int:
    """How many of the steps left, and of those that they bring along, set something up."""
    ahead = set(pending) - {Step.CHALLENGE}
    if Step.SET_UP_TWO_FACTOR in ahead:
        ahead.add(Step.SAVE_RECOVERY_CODES)
    return len(ahead)


def may_enrol(standing: Standing, proofs: AbstractSet[str]) -> bool:
    """May another factor be added now? Only after one that is held already, or where none is held and no pass is demanded.

    After a pass the set-up of an app comes first (`pending_steps`), and by then that is held and proved.
    """
    return bool(proofs & standing.accepted) or not (standing.accepted or standing.challenged)


def passkey_will_do(standing: Standing, proofs: AbstractSet[str]) -> bool:
    """At the set-up of an app: does a passkey in its place meet what is demanded, once it is used?

    Where an app is required it does not, nor after a pass, which opens the set-up of an app alone.
    """
    by_rule_alone = standing.must_set_up and not standing.two_factor_required
    return by_rule_alone and Method.ACCESS_PASS not in proofs and may_enrol(standing, proofs)
