"""Between the pages of a login: who may be on which, and where it goes on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.views.decorators.cache import never_cache

from accounts import login
from accounts.middleware import wants_json
from accounts.refusals import step_skipped
from audit.recording import record
from audit.vocabulary import Action
from mfa.policy import Method, Step, pending_steps, set_up_steps
from mfa.queries import Holdings, holdings_of, standing_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SiteRequest
    from mfa.middleware import Progress

    View = Callable[..., HttpResponse]


STEPS_DONE = "steps_done"  # of this login, those that set something up


@dataclass(frozen=True)
class Counted:
    """Which step this is of those that set something up in this login, to its end."""

    number: int
    of: int

    @property
    def marks(self) -> list[bool]:
        """For each step: is it reached?"""
        return [step <= self.number for step in range(1, self.of + 1)]


def counted(request: SiteRequest) -> Counted:
    """Where the request's claimant is."""
    done = request.session.get(STEPS_DONE, 0)
    return Counted(done + 1, done + set_up_steps(pending_of(request)))


@transaction.atomic(savepoint=False)
def advance(
    request: SiteRequest, person: User, holdings: Holdings | None = None, *, proved: Method | None = None
) -> str:
    """The path where `person`'s login goes on: the next step, or in.

    What was just `proved` is in the audit either way: as a step, or as the end of the login.
    """
    holdings = holdings or holdings_of(person)
    methods = {Method(method) for method in login.methods_proved(request.session)}
    pending = pending_steps(standing_of(person, holdings, request.session), methods)
    if pending:
        if proved is None:
            request.session[STEPS_DONE] = request.session.get(STEPS_DONE, 0) + 1
            request.session.cycle_key()
        else:
            record(Action.PROVED, actor=person, subject=person, methods=[proved])
        login.settle(request.session)
        return resolve_url(pending[0])
    if proved is None:
        request.session.cycle_key()
    request.session.pop(STEPS_DONE, None)
    there = request.session.pop(login.NEXT, "") or resolve_url(settings.LOGIN_REDIRECT_URL)
    login.complete(request, person)
    return there


def login_step(step: Step) -> Callable[[View], View]:
    """Open a page only to a claimant whose next step it is; send all others to where they belong."""

    def decorate(view: View) -> View:
        @never_cache
        @login_not_required
        @wraps(view)
        def guarded(request: SiteRequest, *args: object, **kwargs: object) -> HttpResponse:
            pending = pending_of(request)
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


def pending_of(request: SiteRequest) -> tuple[Step, ...]:
    """The steps left for the request's claimant; none where there is no claimant."""
    if not request.claimant.is_authenticated:
        return ()
    progress: Progress = request.people.progress
    return progress.pending


def holdings_in(request: SiteRequest) -> Holdings:
    """What the request's claimant holds, as the middleware read it."""
    progress: Progress = request.people.progress
    return progress.holdings
