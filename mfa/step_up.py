"""Confirming who one is, again: before anything that changes how people get in (ASVS 7.5.1).

A proof of the last 15 minutes is asked for, of a factor beyond the password
where the person has one. `confirmation_required` stands on the views that ask
for it; what was asked of them goes on afterwards, with what the form held.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import resolve_url
from django.utils.http import urlencode

from accounts import login
from accounts.middleware import wants_json
from audit.methods import beyond_password
from audit.recording import record
from audit.vocabulary import Action
from mfa import held_forms
from mfa.policy import Method
from mfa.proofs import forgive_guesses
from mfa.queries import holdings_of
from mfa.window.page import own_window

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.login import Proof
    from accounts.models import User
    from accounts.requests import SignedInRequest, SiteRequest

    View = Callable[..., HttpResponse]

CANCEL = "cancel"  # in the query: the page that "Cancel" leads back to
ALWAYS, TO_POST = "always", "to post"  # marks on a view: when it asks


def confirmed_lately(request: SiteRequest, person: User) -> bool:
    """Was the strongest factor that `person`, who is signed in, has proved within the last 15 minutes?"""
    lately = login.recent_methods(request.session)
    if beyond_password(lately):
        return True
    return Method.PASSWORD in lately and not holdings_of(person).beyond_password


def confirmation_required(view: View) -> View:
    """Open `view` to those who confirmed who they are within the last 15 minutes; ask the others to, first."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not confirmed_lately(request, request.user):
            return _ask(request)
        if request.method == "POST":
            held_forms.let_go(request)
        return view(request, *args, **kwargs)

    guarded.confirmation = ALWAYS  # type: ignore[attr-defined]  # a mark, as Django sets them on views
    return guarded


def confirmation_required_to_post(view: View) -> View:
    """Let everybody look at `view`'s page; what it changes asks as `confirmation_required` does."""
    careful = confirmation_required(view)

    @wraps(view)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        return (careful if request.method == "POST" else view)(request, *args, **kwargs)

    guarded.confirmation = TO_POST  # type: ignore[attr-defined]  # the same
    return guarded


def _ask(request: SignedInRequest) -> HttpResponse:
    """To the page that asks, which knows what is to go on, and what was begun where."""
    cancel = _to_cancel(request)
    key = held_forms.hold(request, cancel) if request.method == "POST" else ""
    address = address_to_ask(held_forms.path_of(key) if key else request.get_full_path(), cancel)
    response: HttpResponse
    if wants_json(request):
        headers = {"HX-Redirect": address} if request.htmx else {}
        response = JsonResponse({"error": "confirmation_required", "next": address}, status=403, headers=headers)
    else:
        response = HttpResponseRedirect(address)
    if key:
        held_forms.bind(request, response, key)
    return response


def address_to_ask(next_path: str, cancel: str) -> str:
    """The page that asks, then goes on to `next_path`; "Cancel" leads to `cancel`, if there is one."""
    query = {REDIRECT_FIELD_NAME: next_path} | ({CANCEL: cancel} if cancel else {})
    return f"{resolve_url('confirm')}?{urlencode(query)}"


def came_from(request: SiteRequest) -> str:
    """The page on which the act was begun, as the browser says; "" where it is none of ours, or asks for this itself."""
    there = urlsplit(request.htmx.current_url or request.headers.get("Referer", ""))
    if there.netloc != urlsplit(settings.BASE_URL).netloc or there.path.startswith(resolve_url("confirm")):
        return ""
    return login.local_path(urlunsplit(("", "", there.path, there.query, "")))


def _to_cancel(request: SiteRequest) -> str:
    """Where "Cancel" leads: to where the act was begun. The pages of one's own window ask themselves, so to the window."""
    there, own = came_from(request), resolve_url("own_mfa:window")
    if request.path.startswith(own) and (not there or there.startswith(own)):
        return own_window(request)
    return there


@transaction.atomic
def confirm(request: SiteRequest, person: User, proof: Proof, *, next_path: str) -> None:
    """Add the proof to the session of `person`, who is signed in, and a line to the audit.

    Of the forms that wait, the one that goes on at `next_path` may: it is what was confirmed.
    """
    login.add_proof(request.session, proof)
    held_forms.confirm(request, next_path)
    if proof.method != Method.PASSWORD:  # forgiven where it was looked at
        forgive_guesses(person, proof)
    record(Action.CONFIRMED, actor=person, subject=person, methods=[proof.method])
    request.session.save_now()
