"""The two ceremonies of a passkey, as JSON: create one, and prove with one.

Who asks decides what it is for. A stranger signs in, a claimant takes the
login's next step, a signed-in person confirms who they are or adds a passkey
of their own. What was asked is taken out of the session before an answer is
looked at: each question counts once, right or wrong.
"""

from __future__ import annotations

import json
from functools import wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import JsonResponse
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import login
from accounts.authorization import helped
from accounts.backends import AccountLocked
from accounts.forms import too_many
from accounts.models import User
from accounts.refusals import passkey_refused, step_skipped
from accounts.sessions.current import in_background
from accounts.throttle import budgets, lanes
from accounts.throttle.budgets import Throttled, wait
from mfa import proofs, services, step_up, steps
from mfa.methods import passkeys
from mfa.methods.passkeys.ceremonies import Authentication, Refused, RefusedForGood, Registration
from mfa.models import Passkey
from mfa.policy import Step

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SiteRequest

QUESTIONS = "passkey_questions"
TABS = 5  # of one browser may ask for proof, and each gets its own answer
MOST_BYTES = 64 * 1024


class Problem(Exception):
    """An answer of 4xx: a code for scripts, a sentence for people, and where to go on if anywhere."""

    def __init__(self, status: int, error: str, message: str, **more: str) -> None:
        super().__init__(error)
        self.status = status
        self.answer = {"error": error, "message": message, **more}


def endpoint(view: Callable[[SiteRequest, dict[str, Any]], dict[str, Any]]) -> Callable[[SiteRequest], HttpResponse]:
    """Make `view`, from JSON object to JSON object, an endpoint that takes POST and nothing else."""

    @login_not_required
    @require_POST
    @wraps(view)
    def answered(request: SiteRequest) -> HttpResponse:
        try:
            if settings.SECURE_SSL_REDIRECT and not request.is_secure():  # ASVS 4.1.2: a script is not sent on
                raise Problem(403, "tls_required", _("This address takes requests over https only."))
            return JsonResponse(view(request, _body(request)))
        except Problem as problem:
            return JsonResponse(problem.answer, status=problem.status)
        except Throttled as trouble:
            return wait(JsonResponse({"error": "too_many", "message": too_many(trouble)}), trouble)

    return answered


@in_background("POST")  # a login page asks anew every few minutes, for as long as it is open
@endpoint
def authentication_options(request: SiteRequest, body: dict[str, Any]) -> dict[str, Any]:
    """A question for proof with a passkey."""
    person = _person(request)
    budgets.claim(*lanes.address_lanes(kind="questions", free=3000))
    allowed = Passkey.objects.filter(user=person, suspended_at=None) if person else ()
    question, options = passkeys.start_authentication(person, allowed)
    earlier = request.session.get(QUESTIONS, {}).get("authentication", [])
    request.session[QUESTIONS] = {"authentication": [*earlier, question.kept()][-TABS:]}
    return options


@endpoint
def authentication(request: SiteRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to it: who signs in, goes a step on, or confirms who they are."""
    person = _person(request)
    kept = (request.session.pop_once(QUESTIONS) or {}).get("authentication", [])
    questions = [Authentication(**each) for each in kept]
    next_path = _next(body)

    try:
        with proofs.by_passkey(questions, person, body.get("credential")) as (owner, proof):
            if person is None:
                there = steps.begin(request, owner, proof, next_path=next_path)
            elif request.progress:
                there = steps.prove(request, owner, proof)
            else:
                step_up.confirm(request, owner, proof, next_path=next_path)
                there = next_path or resolve_url("home")
    except AccountLocked as trouble:
        message = _("This account is locked. Call your administrator, who can let you in again.")
        if not helped(trouble.person):
            message = _(
                "This account is locked, and no other administrator can sign in. On the server, "
                "“manage.py createsuperuser” makes one, who can let you in again."
            )
        raise Problem(403, "account_locked", message) from trouble
    except proofs.Unknown as trouble:
        raise Problem(
            400, "unknown_passkey", _("This passkey is not known here (any more). Use another way to sign in.")
        ) from trouble
    except RefusedForGood as trouble:
        raise Problem(
            400,
            "passkey_suspended",
            _(
                "This passkey may have been copied and was taken out of use. "
                "Sign in another way, then delete it and create a new one."
            ),
        ) from trouble
    except Refused as trouble:
        raise Problem(
            400, "passkey_refused", _("This passkey was not accepted. Try again, or use another way to sign in.")
        ) from trouble
    return {"next": there}


@endpoint
def registration_options(request: SiteRequest, body: dict[str, Any]) -> dict[str, Any]:
    """A question for a new passkey, to those who may add one now."""
    person = _enrolling(request)
    question, options = passkeys.start_registration(person, person.passkeys.all(), person.pk.bytes)
    request.session[QUESTIONS] = {"registration": question.kept()}
    return options


@endpoint
def registration(request: SiteRequest, body: dict[str, Any]) -> dict[str, Any]:
    """The answer to it: the new passkey."""
    person = _enrolling(request)
    kept = (request.session.pop_once(QUESTIONS) or {}).get("registration")
    try:
        if kept is None:
            raise Refused("No question was asked.")
        new = passkeys.finish_registration(Registration(**kept), person, body.get("credential"))
        with transaction.atomic():
            passkey = services.create_passkey(person, new, actor=person)
            there = steps.step_done(request, person) if request.progress else _next(body)
    except passkeys.TooManyPasskeys as trouble:
        raise Problem(
            400, "too_many_passkeys", _("You have twenty passkeys. Delete one before you create another.")
        ) from trouble
    except Refused as trouble:
        passkey_refused(person, str(trouble))
        raise Problem(400, "passkey_refused", _("This passkey could not be saved. Try again.")) from trouble
    if there == resolve_url(Step.CHALLENGE):  # that it was made proves nothing yet
        said = _("Your passkey “{name}” is ready. Use it once to go on.")
    else:
        said = _("Your passkey “{name}” is ready. Next time, sign in with it.")
    messages.success(request, said.format(name=passkey.name))
    return {"next": there or resolve_url("own_mfa:window")}


def _person(request: SiteRequest) -> User | None:
    """Who is known in this request, fully or half-way."""
    for candidate in (request.user, request.claimant):
        if isinstance(candidate, User):
            return candidate
    return None


def _enrolling(request: SiteRequest) -> User:
    """The one who may add a passkey now. Raises Problem."""
    if isinstance(request.user, User):
        if not step_up.confirmed_lately(request, request.user):
            there = step_up.came_from(request) or resolve_url("own_passkey_new")  # a page that asks for it
            raise Problem(403, "confirmation_required", _("Confirm who you are first."), next=there)
        return request.user
    person = request.claimant
    if not isinstance(person, User):
        raise Problem(401, "sign_in_required", _("Sign in first."), next=resolve_url("login"))
    pending = request.progress.pending
    in_place_of_app = pending[0] is Step.SET_UP_TWO_FACTOR and request.progress.passkey_will_do
    if pending[0] is not Step.SET_UP_PASSKEY and not in_place_of_app:
        step_skipped(request)
        raise Problem(403, "not_this_step", _("Another step of your login comes first."), next=resolve_url(pending[0]))
    if not request.progress.may_enrol:
        raise Problem(403, "proof_required", _("First, use a passkey that you already have."))
    return person


def _next(body: dict[str, Any]) -> str:
    """Where the page that sent `body` wants to go on to; "" where that is none of ours."""
    return login.local_path(body.get("next") if isinstance(body.get("next"), str) else "")


def _body(request: SiteRequest) -> dict[str, Any]:
    """The JSON object that was sent. Raises Problem."""
    if request.content_type != "application/json":
        raise Problem(415, "json_expected", _("This address takes JSON."))
    if len(request.body) > MOST_BYTES:
        raise Problem(413, "too_large", _("That is more than a passkey sends."))
    try:
        body = json.loads(request.body)
    except (ValueError, RecursionError) as trouble:
        raise Problem(400, "not_json", _("That is not JSON.")) from trouble
    if not isinstance(body, dict):
        raise Problem(400, "not_json", _("That is not a JSON object."))
    return body
