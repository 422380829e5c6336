"""What somebody meets at their next login. Pure, and asked of the policy step by step, so that it says what the login does."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from mfa.policy import Method, Standing, Step, pending_steps


@dataclass(frozen=True)
class Circumstances:
    """Beside where somebody stands: whether their account is open, and what there is to begin and to prove it with."""

    standing: Standing
    is_open: bool = True  # neither deactivated nor locked
    has_password: bool = True
    has_codes: bool = False
    has_pass: bool = False

    @property
    def first_factors(self) -> list[Method]:
        """What a login can begin with."""
        passkey = [Method.PASSKEY] if self.standing.has_passkey else []
        return [Method.PASSWORD, *passkey] if self.has_password else passkey

    @property
    def factors(self) -> list[str]:
        """What is held and can be shown at the challenge, the usual first."""
        standing = self.standing
        app = [Method.TOTP] if standing.has_app and not standing.app_disabled else []
        passkey = [Method.PASSKEY] if standing.has_passkey else []
        codes = [Method.RECOVERY] if standing.has_app and self.has_codes else []
        return [*app, *sorted(standing.others), *passkey, *codes]

    @property
    def proofs(self) -> list[str]:
        """The same, and the pass that was given."""
        return [*self.factors, *([Method.ACCESS_PASS] if self.has_pass else [])]


@dataclass(frozen=True)
class Way:
    """A way through a login: what it begins with, the steps, and whether they lead in.

    `proofs` are what the challenge takes, the usual first; one of them is enough.
    """

    first: Method
    steps: tuple[Step, ...]
    proofs: tuple[str, ...]
    leads_in: bool


class Outcome(StrEnum):
    """What the next login is, in a word."""

    FREE = "free"  # in, with nothing to set up for two-factor authentication
    ASKED = "asked"  # in, once it is set up
    STUCK = "stuck"  # not in before an administrator helps
    CLOSED = "closed"  # deactivated or locked


def once_open(circumstances: Circumstances) -> Circumstances:
    """The same, once the account is open, and whoever was invited has chosen a password."""
    return _once_open(circumstances, circumstances.standing)


def requiring(circumstances: Circumstances) -> Circumstances:
    """The same, once 2FA is required and the account is open."""
    return _once_open(circumstances, replace(circumstances.standing, two_factor_required=True))


def demanding(circumstances: Circumstances) -> Circumstances:
    """The same of somebody who opens the Settings app, once a factor is demanded there."""
    return _once_open(circumstances, replace(circumstances.standing, must_have_factor=True))


def demanding_pass(circumstances: Circumstances) -> Circumstances:
    """The same, once a first set-up needs an access pass."""
    return _once_open(circumstances, replace(circumstances.standing, pass_demanded=True))


def released(circumstances: Circumstances, *, required: bool) -> Circumstances:
    """The same, once an earlier rule is gone; `required`: another one requires 2FA still."""
    return _once_open(circumstances, replace(circumstances.standing, two_factor_required=required))


def switched_off(circumstances: Circumstances, *, required: bool, pass_demanded: bool) -> Circumstances:
    """The same, once 2FA is switched off: the company may require it, and demand a pass. A pass that was given goes with the app."""
    now = circumstances.standing
    standing = replace(
        now,
        two_factor_required=required,
        pass_demanded=pass_demanded if now.has_app else now.pass_demanded,
        has_app=False,
        app_disabled=False,
    )
    has_pass = circumstances.has_pass and not now.has_app
    return _once_open(replace(circumstances, has_codes=False, has_pass=has_pass), standing)


def without_passkey(circumstances: Circumstances) -> Circumstances:
    """The same, once the last passkey is gone."""
    return _once_open(circumstances, replace(circumstances.standing, has_passkey=False))


def without_factors(circumstances: Circumstances, *, pass_demanded: bool, has_passkey: bool = False) -> Circumstances:
    """The same, once nothing is held but the password, and a passkey if one stays; no pass is open."""
    gone = replace(circumstances, has_codes=False, has_pass=False)
    standing = replace(
        circumstances.standing, has_app=False, app_disabled=False, has_passkey=has_passkey, pass_demanded=pass_demanded
    )
    return _once_open(gone, standing)


def ways(circumstances: Circumstances) -> list[Way]:
    """The ways through the next login, with the password first. None where the account is closed or nothing names its owner."""
    if not circumstances.is_open:
        return []
    return [_way(circumstances, first) for first in circumstances.first_factors]


def outcome(circumstances: Circumstances) -> Outcome:
    """What the next login is. Whoever was invited will have a password by then."""
    if not circumstances.is_open:
        return Outcome.CLOSED
    leading_in = [way for way in ways(_with_first_factor(circumstances)) if way.leads_in]
    if not leading_in:
        return Outcome.STUCK
    return Outcome.ASKED if all(Step.SET_UP_TWO_FACTOR in way.steps for way in leading_in) else Outcome.FREE


def _with_first_factor(circumstances: Circumstances) -> Circumstances:
    """The same, with a password where there is nothing to begin with."""
    return circumstances if circumstances.first_factors else replace(circumstances, has_password=True)


def _once_open(circumstances: Circumstances, standing: Standing) -> Circumstances:
    """The same with this `standing`, once the account is open and there is something to begin with."""
    return replace(_with_first_factor(circumstances), standing=standing, is_open=True)


def _way(circumstances: Circumstances, first: Method) -> Way:
    """From `first` to the end, each step done as its page asks."""
    standing, shown = circumstances.standing, {str(first)}
    steps: list[Step] = []
    while pending := pending_steps(standing, shown):
        step = pending[0]
        steps.append(step)
        if step is Step.CHALLENGE:
            if not circumstances.proofs:
                return Way(first, tuple(steps), (), leads_in=False)
            shown.add(circumstances.proofs[0])
        else:
            standing = _after(step, standing)
            shown |= {Method.TOTP} if step is Step.SET_UP_TWO_FACTOR else set()
    asked = Step.CHALLENGE in steps
    return Way(first, tuple(steps), tuple(circumstances.proofs) if asked else (), leads_in=True)


def _after(step: Step, standing: Standing) -> Standing:
    """`standing` once the page of `step` was done."""
    match step:
        case Step.SET_UP_TWO_FACTOR:
            return replace(standing, has_app=True, app_disabled=False, codes_unsaved=True)
        case Step.SAVE_RECOVERY_CODES:
            return replace(standing, codes_unsaved=False)
        case Step.CHOOSE_PASSWORD:
            return replace(standing, password_is_short=False)
        case _:
            return replace(standing, passkey_requested=False)
