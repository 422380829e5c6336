"""The login session: what somebody has proved since they came.

A session holds a list of proofs, (method, at), and never a level. Which steps
are left follows from the proofs and from what is demanded (mfa.policy); only
when none is left does `complete` mark the session, which then costs nothing
more. Every step changes the session's key (ASVS 7.2.4).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import time
from typing import TYPE_CHECKING, Any

from django.contrib.auth import login
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme

from accounts import known_browsers, throttle
from accounts.acting import current_id
from accounts.clock import is_ahead
from accounts.models import User
from accounts.refusals import waits
from audit.methods import beyond_password, guessed
from audit.recording import record
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.contrib.sessions.backends.base import SessionBase

    from accounts.requests import SiteRequest
    from accounts.sessions import SessionStore

HALF_WAY_SECONDS = 600
RECENT_SECONDS = 15 * 60

PROOFS = "proofs"
COMPLETE = "login_complete"
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


def begin(
    request: SiteRequest, person: User, method: str, *, by: str = "", network: str = "", next_path: str = ""
) -> None:
    """Start `person`'s login with their first factor. Whatever this browser's session held before is gone.

    `request.user` is the person for the rest of this request, whatever steps are left: redirect, never render.
    """
    request.session.clear()
    login(request, person)
    request.session[PROOFS] = [asdict(Proof(method, time(), by, network))]
    if next_path:
        request.session[NEXT] = next_path


def prove(request: SiteRequest, method: str, *, by: str = "", network: str = "") -> None:
    """Add a proof to the session, and change its key."""
    request.session[PROOFS] = [*request.session.get(PROOFS, ()), asdict(Proof(method, time(), by, network))]
    request.session.cycle_key()


@transaction.atomic(savepoint=False)
def complete(request: SiteRequest, person: User) -> None:
    """Mark the session as past every step; `person` is in from the next request on.

    It writes the audit line: call it in the transaction of the last step.
    Rows are locked in the order that every act keeps: factor, person, budget, session.
    Raises SessionInterrupted where the person was shut out while this was on its way.
    """
    methods = methods_proved(request.session)
    still_open = User.objects.get_queryset().opening().filter(pk=person.pk)
    if not still_open.update(last_sign_in_at=timezone.now()):
        raise SessionInterrupted
    forgive_guesses(person, proofs_of(request.session))
    details: dict[str, Any] = {"methods": methods, "session": current_id()}
    if known_browsers.remember(request, person) and person.last_sign_in_at:
        details["new_browser"] = True
    record(Action.SIGNED_IN, actor=person, subject=person, **details)
    request.session[COMPLETE] = True
    settle(request.session)


def password_holds(person: User, password: str) -> bool:
    """Is this the password of `person`, who is signed in? Raises Throttled before it is looked at."""
    try:
        throttle.claim(*throttle.guess_lanes(person))
    except throttle.Throttled:
        refuse(person, "password", "Throttled")
        raise
    if person.check_password(password):
        forgive_guesses(person, [Proof("password", time(), network=throttle.network_of(person))])
        return True
    refuse(person, "password", "WrongPassword")
    return False


def refuse(person: User | None, method: str, reason: str) -> None:
    """Write down that a proof did not hold. Call it outside the transaction that failed.

    One that was not looked at costs whoever sends it nothing: those lines are bounded, as those of other refusals are.
    """
    if reason != "Throttled" or waits.take():
        record(Action.REFUSED, actor=None, subject=person, methods=[method], reason=reason)


def forgive_guesses(person: User, proofs: Sequence[Proof]) -> None:
    """These were right: forget the failures that can be guesses, and give networks back what was taken for these."""
    guesses = guessed(proof.method for proof in proofs)
    if guesses:
        throttle.forgive(
            [
                throttle.person_lane(person),
                *(throttle.factor_lane(person, method) for method in beyond_password(guesses)),
            ],
            given_back=[throttle.Guess(proof.network, proof.at) for proof in proofs if proof.network],
        )


def settle(session: SessionStore) -> None:
    """Save `session` within the transaction of the act that changed it: they are done together or not at all."""
    session.settle()


def take(session: SessionStore, name: str) -> Any:
    """What `session` keeps under `name`, taken out of it for good before it is used: of many at once, one gets it.

    The session gets another key in the one statement that decides; whoever comes second finds the old one gone.
    """
    kept = session.pop(name, None)
    if kept is None:
        return None
    session.cycle_key()
    try:
        settle(session)
    except SessionInterrupted:
        session.modified = False
        return None
    return kept


def methods_proved(session: SessionBase) -> list[str]:
    """The methods of the session's proofs, each once, in order."""
    return list(dict.fromkeys(proof.method for proof in proofs_of(session)))


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
