"""A login walked to its end by the login's own functions, without a browser: what forecasts are held against.

Nothing of `mfa.forecast` is used here. Whoever walks does what each page asks for; what they hold changes as it would.
"""

from __future__ import annotations

from copy import copy
from dataclasses import asdict, replace
from time import time
from typing import TYPE_CHECKING, Any

from accounts.login import Proof
from accounts.sessions.store import PROOFS
from mfa.forecast import Outcome
from mfa.methods.recovery_codes import UNSAVED_CODES
from mfa.models import AuthenticatorApp
from mfa.policy import Method, Step
from mfa.queries import holdings_of
from mfa.steps import POSTPONED, progress_of

if TYPE_CHECKING:
    from accounts.models import User
    from mfa.methods.held import Holdings


def walked(person: User, *, opened: bool = False) -> Outcome:
    """What the next login of `person`, who was read with what they hold, comes to; `opened`: once their account is."""
    if not person.is_active or (person.locked_at and not opened):
        return Outcome.CLOSED
    holdings = holdings_of(person)
    firsts = [Method.PASSWORD] if person.has_usable_password() else []
    firsts += [Method.PASSKEY] if holdings.has_passkey else []
    ends = {_end(copy(person), holdings, first, proof) for first in firsts or [Method.PASSWORD] for proof in Method}
    return next((word for word in (Outcome.FREE, Outcome.ASKED) if word in ends), Outcome.STUCK)


def _end(person: User, holdings: Holdings, first: Method, proof: Method) -> Outcome:
    """The end of the way that begins with `first` and shows `proof` where it is asked for one."""
    session: Any = {PROOFS: [asdict(Proof(first, time()))]}
    was_asked, seen = False, []
    while pending := progress_of(session, person, holdings).pending:
        step = pending[0]
        if step is Step.CHALLENGE and (step in seen or not _has(holdings, proof)):
            return Outcome.STUCK
        seen.append(step)
        assert len(seen) < 9, "the login goes round in circles"
        match step:
            case Step.CHALLENGE:
                session[PROOFS].append(asdict(Proof(proof, time())))
            case Step.CHOOSE_PASSWORD:
                person.password_is_short = False
            case Step.SET_UP_TWO_FACTOR:
                was_asked, person.two_factor_enabled = True, True
                holdings = replace(
                    holdings,
                    app=AuthenticatorApp(user=person),
                    app_disabled=False,
                    has_codes=True,
                    has_pass=False,
                    asked_for_pass=False,
                )
                session[UNSAVED_CODES] = "ten"
                session[PROOFS].append(asdict(Proof(Method.TOTP, time())))
            case Step.SAVE_RECOVERY_CODES:
                del session[UNSAVED_CODES]
            case Step.SET_UP_PASSKEY:
                session[POSTPONED] = True
    return Outcome.ASKED if was_asked else Outcome.FREE


def _has(holdings: Holdings, proof: Method) -> bool:
    """Can this be shown at the challenge?"""
    return {
        Method.PASSWORD: False,
        Method.TOTP: holdings.app is not None,
        Method.RECOVERY: holdings.has_codes,
        Method.PASSKEY: holdings.has_passkey,
        Method.ACCESS_PASS: holdings.has_pass,
    }[proof]
