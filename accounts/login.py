"""What a session knows of its login: what was proved, and whether the login is finished.

A session holds a list of proofs (method, time), never a level. Which steps are left is decided in mfa.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import time
from typing import TYPE_CHECKING

from django.utils.http import url_has_allowed_host_and_scheme

from accounts.clock import is_ahead
from accounts.refusals import waits
from accounts.sessions.store import PROOFS
from accounts.throttle import budgets, lanes
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

    from accounts.models import User
    from accounts.sessions.store import SessionStore

RECENT_SECONDS = 15 * 60

NEXT = "next"


@dataclass(frozen=True)
class Proof:
    """One thing proved: the method's name, and the time in seconds of the epoch."""

    method: str
    at: float
    by: str = ""  # which passkey
    network: str = ""  # the budget that it was a guess from (accounts.throttle), until the login is finished


def proofs_of(session: SessionBase) -> tuple[Proof, ...]:
    """What was proved in `session`, oldest first."""
    return tuple(Proof(**proof) for proof in session.get(PROOFS, ()))


def recent_methods(session: SessionBase) -> frozenset[str]:
    """The methods proved within the last 15 minutes."""
    return frozenset(
        proof.method for proof in proofs_of(session) if time() - proof.at < RECENT_SECONDS and not is_ahead(proof.at)
    )


def add_proof(session: SessionStore, proof: Proof) -> None:
    """Add `proof` to what `session` holds, and change its key."""
    session[PROOFS] = [*session.get(PROOFS, ()), asdict(proof)]
    session.cycle_key()


def password_holds(person: User, password: str) -> bool:
    """Is this the password of `person`, who is signed in? Raises Throttled before it is looked at."""
    try:
        budgets.claim(*lanes.guess_lanes(person))
    except budgets.Throttled:
        refuse(person, "password", "Throttled")
        raise
    if person.check_password(password):
        network = lanes.network_of(person)
        budgets.forgive([lanes.person_lane(person)], given_back=[budgets.Guess(network, time())] if network else ())
        return True
    refuse(person, "password", "WrongPassword")
    return False


def refuse(person: User | None, method: str, reason: str) -> None:
    """Record that a proof was refused. Call it outside the transaction that failed.

    Guesses that had to wait cost their sender nothing, so their lines are bounded like those of other refusals.
    """
    if reason != "Throttled" or waits.take():
        record(Action.REFUSED, actor=None, subject=person, methods=[method], reason=reason)


def local_path(candidate: str | None) -> str:
    """`candidate` if it is a path on this site, else "" (ASVS 3.7.2)."""
    if (
        candidate
        and candidate.isprintable()
        and candidate.startswith("/")
        and candidate[1:2] not in {"/", "\\"}  # "//" alone names no host for Django, and no page for a browser
        and url_has_allowed_host_and_scheme(candidate, allowed_hosts=None)
    ):
        return candidate
    return ""
