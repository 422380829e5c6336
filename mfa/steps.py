"""The way of a login, from the first factor to the door, in the order in which people walk it.

`begin`     a first factor names somebody: they are the request's claimant from now on
`arrive`    each later request asks how far they are; nobody else works that out
`login_step` opens a page in its turn, and in no other
`prove`     a further factor joins the proofs of the session
`step_done` something was set up, or put off
`complete`  nothing is left: they are the request's user from the next request on

Which steps are left follows from what was proved and what is demanded (`mfa.policy`); no level is ever kept. Every step
gives the session another key (ASVS 7.2.4).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import wraps
from math import ceil
from time import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user, login
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.exceptions import SessionInterrupted
from django.db import transaction
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import get_language_from_request

from accounts.clock import is_ahead
from accounts.login import NEXT, Proof, add_proof, proofs_of
from accounts.middleware import wants_json
from accounts.models import User
from accounts.refusals import step_skipped
from accounts.sessions.current import current_id
from accounts.sessions.store import COMPLETE, PROOFS
from accounts.throttle import known_browsers
from audit.prepared import PreparedChange
from audit.recording import record
from audit.vocabulary import Action
from mfa.methods.recovery_codes import UNSAVED_CODES
from mfa.models import Passkey
from mfa.policy import Method, Step, may_enrol, passkey_will_do, pending_steps, set_up_steps
from mfa.proofs import forgive_guesses
from mfa.queries import holdings_of, standing_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SiteRequest
    from accounts.sessions.store import SessionStore
    from mfa.methods.held import Holdings
    from mfa.policy import Standing

    View = Callable[..., HttpResponse]

HALF_WAY_SECONDS = 600
POSTPONED = "passkey_postponed"  # until the next login
STEPS_DONE = "steps_done"  # of this login, those that set something up
OWN_PAGES = {Step.SET_UP_TWO_FACTOR: "own_two_factor", Step.SET_UP_PASSKEY: "own_passkey_new"}
SIGN_IN = PreparedChange(
    lambda key, now, spoken: (
        User.objects.get_queryset().opening().filter(pk=key).update(last_sign_in_at=now, browser_language=spoken)
    )
)


@dataclass(frozen=True)
class Progress:
    """How far a login is: what its claimant holds and owes, what was proved, the steps left, and how many set something up."""

    holdings: Holdings
    standing: Standing
    proofs: tuple[Proof, ...]
    pending: tuple[Step, ...]
    done: int

    @property
    def may_enrol(self) -> bool:
        """May another factor be added now?"""
        return may_enrol(self.standing, {proof.method for proof in self.proofs})

    @property
    def passkey_will_do(self) -> bool:
        """May the step that sets an app up be done with a passkey?"""
        return passkey_will_do(self.standing, {proof.method for proof in self.proofs})

    @property
    def number(self) -> int:
        """Which of the steps that set something up this is."""
        return self.done + 1

    @property
    def of(self) -> int:
        """How many of them this login has, to its end."""
        return self.done + set_up_steps(self.pending)

    @property
    def seconds_left(self) -> int:
        """Until this login is over (`_is_over`), unless something is proved before; the page tells."""
        return max(0, ceil(self.proofs[-1].at + HALF_WAY_SECONDS - time()))

    @property
    def marks(self) -> list[bool]:
        """For each of them: is it reached?"""
        return [step <= self.number for step in range(1, self.of + 1)]


def progress_of(session: SessionStore, person: User, holdings: Holdings | None = None) -> Progress:
    """How far the login of `person` is that `session` holds."""
    holdings = holdings or holdings_of(person)
    standing = replace(
        standing_of(person, holdings),
        passkey_postponed=POSTPONED in session,
        codes_unsaved=UNSAVED_CODES in session,
    )
    proofs = proofs_of(session)
    pending = pending_steps(standing, {proof.method for proof in proofs})
    return Progress(holdings, standing, proofs, pending, session.get(STEPS_DONE, 0))


def begin(request: SiteRequest, person: User, proof: Proof, *, next_path: str = "") -> str:
    """Start `person`'s login with their first factor; the path where it goes on.

    Whatever this browser's session held before is gone. Django makes `person` the request's user for the rest of this
    request, whatever is left: redirect, never render.
    """
    request.session.clear()
    login(request, person)
    request.session[PROOFS] = [asdict(proof)]
    if next_path:
        request.session[NEXT] = next_path
    return _proved(request, person, progress_of(request.session, person), proof)


class LoginStepsMiddleware(AuthenticationMiddleware):
    """Make `request.user` the person who finished every login step, or nobody.

    Someone part of the way through is `request.claimant`: named, not believed. We guard no views here; Django's
    LoginRequiredMiddleware does, and to it a claimant is as anonymous as any stranger. It stands where Django's
    AuthenticationMiddleware would, which takes the first factor for the whole login.
    """

    def process_request(self, request: SiteRequest) -> None:  # type: ignore[override]  # ours, not any HttpRequest
        arrive(request)

        async def auser() -> User | AnonymousUser:
            return request.user

        request.auser = auser

    def process_exception(self, request: SiteRequest, exception: Exception) -> None:
        """A view that fails, with whatever status, leaves no proof behind: what it did was rolled back."""
        request.session.roll_back()


def arrive(request: SiteRequest) -> None:
    """Say who is asking, once per request: this alone ends a login that took too long, or finishes one that owes nothing.

    A finished login is marked in its session and costs nothing more.
    """
    request.user, request.claimant, request.progress = AnonymousUser(), AnonymousUser(), None
    person, session = get_user(request), request.session
    if not isinstance(person, User):
        return
    if session.get(COMPLETE):
        request.user = person
        return
    if not session.get(PROOFS):  # somebody else's login(), which counts as a first factor
        session[PROOFS] = [asdict(Proof(Method.PASSWORD, time()))]
    progress = progress_of(session, person)
    if _is_over(person, progress.proofs):
        session.flush()
        return
    if progress.pending:
        request.claimant, request.progress = person, progress
        return
    complete(request, person, progress.proofs)  # an administrator took back what was asked for
    request.user = person


def _is_over(person: User, proofs: tuple[Proof, ...]) -> bool:
    """Did the login take too long, or is the passkey that named `person` deleted or suspended by now?"""
    first, latest = proofs[0], proofs[-1].at
    if time() - latest > HALF_WAY_SECONDS or is_ahead(latest):
        return True
    by_passkey = first.method == Method.PASSKEY
    return by_passkey and not Passkey.objects.filter(pk=first.by, user=person, suspended_at=None).exists()


def login_step(step: Step) -> Callable[[View], View]:
    """Open a page only to a claimant whose next step it is; send all others to where they belong."""

    def decorate(view: View) -> View:
        @login_not_required
        @wraps(view)
        def guarded(request: SiteRequest, *args: object, **kwargs: object) -> HttpResponse:
            pending = request.progress.pending if request.progress else ()
            if pending[:1] == (step,):
                return view(request, *args, **kwargs)
            if pending and (step in pending or pending[0] is Step.CHALLENGE):  # not back, but ahead
                step_skipped(request)
            there = resolve_url(pending[0]) if pending else resolve_url("home")
            if wants_json(request):
                return JsonResponse({"error": "not_this_step", "next": there}, status=403)
            return HttpResponseRedirect(there)

        return guarded

    return decorate


def prove(request: SiteRequest, person: User, proof: Proof) -> str:
    """Add a factor to the proofs of the claimant `person`; the path where their login goes on."""
    add_proof(request.session, proof)
    assert request.progress  # there is a claimant
    return _proved(request, person, progress_of(request.session, person, request.progress.holdings), proof)


@transaction.atomic(savepoint=False)
def _proved(request: SiteRequest, person: User, progress: Progress, proof: Proof) -> str:
    """Write down that the proof held: as a step, or as the end of the login."""
    if not progress.pending:
        return complete(request, person, progress.proofs)
    record(Action.PROVED, actor=person, subject=person, methods=[proof.method])
    request.session.save_now()
    return resolve_url(progress.pending[0])


@transaction.atomic(savepoint=False)
def step_done(request: SiteRequest, person: User) -> str:
    """What the step asked for is set up, or put off until the next login; the path where the login goes on.

    A mail's link to one's own page for the same is answered by it: nobody is asked to set up twice.
    """
    request.session.cycle_key()
    assert request.progress  # there is a claimant
    own_page = OWN_PAGES.get(request.progress.pending[0])
    if own_page and request.session.get(NEXT) == resolve_url(own_page):
        del request.session[NEXT]
    progress = progress_of(request.session, person)
    if not progress.pending:
        return complete(request, person, progress.proofs)
    request.session[STEPS_DONE] = progress.done + 1
    request.session.save_now()
    return resolve_url(progress.pending[0])


@transaction.atomic(savepoint=False)
def complete(request: SiteRequest, person: User, proofs: tuple[Proof, ...]) -> str:
    """Mark the session as past every step; the path that `person` wanted to go to, who is in from the next request on.

    It writes the audit line: call it in the transaction of the last step. Rows are locked in the order that every act
    keeps: factor, person, budget, session. Raises SessionInterrupted where the person was shut out meanwhile.
    """
    session = request.session
    if not SIGN_IN.make(person.pk, timezone.now(), get_language_from_request(request)):
        raise SessionInterrupted
    forgive_guesses(person, *proofs)
    details: dict[str, Any] = {
        "methods": list(dict.fromkeys(proof.method for proof in proofs)),
        "session": current_id(),
    }
    if known_browsers.remember(request, person) and person.last_sign_in_at:
        details["new_browser"] = True
    record(Action.SIGNED_IN, actor=person, subject=person, **details)
    session.pop(STEPS_DONE, None)
    there = session.pop(NEXT, "") or resolve_url(settings.LOGIN_REDIRECT_URL)
    session[COMPLETE] = True
    session.save_now()
    return there
