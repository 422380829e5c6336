"""Confirming who one is, again: before anything that changes how people get in (ASVS 7.5.1).

A proof of the last 15 minutes is asked for, of a factor beyond the password
where the person has one. What was asked for goes on afterwards, with what the
form held.
"""

from __future__ import annotations

from functools import wraps
from secrets import token_urlsafe
from time import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.db import transaction
from django.http import HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect, render, resolve_url
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import login, throttle
from accounts.forms import too_many
from accounts.middleware import wants_json
from accounts.throttle import Throttled, wait
from audit.recording import record
from audit.vocabulary import Action
from mfa import proofs
from mfa.forms import CodeForm, PasswordForm, RecoveryCodeForm
from mfa.policy import Method
from mfa.queries import holdings_of
from mfa.views import back
from mfa.views.login import tell_codes_left

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest, SiteRequest
    from mfa.queries import Holdings

    View = Callable[..., HttpResponse]

HELD = "held_forms"
FORMS = 3  # of several tabs
CANCEL = "cancel"  # in the query: the page that "Cancel" leads back to
BEYOND_PASSWORD = frozenset({Method.TOTP, Method.RECOVERY, Method.PASSKEY})


def confirmed_lately(request: SiteRequest, person: User) -> bool:
    """Was the strongest factor that `person`, who is signed in, has proved within the last 15 minutes?"""
    lately = login.recent_methods(request.session)
    if lately & BEYOND_PASSWORD:
        return True
    if Method.PASSWORD not in lately:
        return False
    holdings = holdings_of(person)
    return not holdings.beyond_password


def recently_proved(view: View) -> View:
    """Open `view` to those who confirmed who they are within the last 15 minutes; ask the others to, first."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        sends = request.method == "POST"
        if confirmed_lately(request, request.user):
            if sends and HELD in request.session:
                _let_go(request)
            return view(request, *args, **kwargs)
        cancel = _to_cancel(request)
        query = {REDIRECT_FIELD_NAME: _hold(request, cancel) if sends else request.get_full_path()}
        if cancel:
            query[CANCEL] = cancel
        address = f"{resolve_url('confirm')}?{urlencode(query)}"
        if wants_json(request):
            headers = {"HX-Redirect": address} if request.htmx else {}
            return JsonResponse({"error": "confirmation_required", "next": address}, status=403, headers=headers)
        return HttpResponseRedirect(address)

    return guarded


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
        return back.own_window(request)
    return there


def _hold(request: SiteRequest, cancel: str) -> str:
    """Keep the form that was sent; the path of the page that sends it on.

    Only whoever was told this path sees the form there: another tab, or whoever
    stole the cookie, cannot slip theirs under the owner's proof.
    """
    fields = [
        [name, value]
        for name, values in request.POST.lists()
        for value in values
        if name not in {"csrfmiddlewaretoken", "code"} and "password" not in name
    ]
    key, form = token_urlsafe(16), {"path": request.get_full_path(), "fields": fields, CANCEL: cancel}
    request.session[HELD] = dict([*request.session.get(HELD, {}).items(), (key, form)][-FORMS:])
    return f"{resolve_url('confirm_continue')}?{urlencode({'form': key})}"


def _let_go(request: SiteRequest) -> None:
    """Forget what was kept for this address: it is sent now."""
    kept = request.session[HELD]
    request.session[HELD] = {key: form for key, form in kept.items() if form["path"] != request.get_full_path()}


def recently_proved_to_post(view: View) -> View:
    """Let everybody look at `view`'s page; what it changes asks as `recently_proved` does."""
    careful = recently_proved(view)

    @wraps(view)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        return (careful if request.method == "POST" else view)(request, *args, **kwargs)

    return guarded


@never_cache
@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: SignedInRequest) -> HttpResponse:
    """Code, recovery code, passkey, or the password where there is nothing beyond it; then back to what was asked."""
    holdings = holdings_of(request.user)
    next_path = login.local_path(request.POST.get("next") or request.GET.get(REDIRECT_FIELD_NAME))
    recovering = holdings.has_codes and (holdings.app_disabled or request.GET.get("with") == "recovery")
    by_password = not holdings.beyond_password
    kind = PasswordForm if by_password else RecoveryCodeForm if recovering else CodeForm
    form = kind(request.POST if request.method == "POST" else None)
    throttled = None
    if form.is_valid():
        try:
            if _holds(request, holdings, form):
                return HttpResponseRedirect(next_path or resolve_url("home"))
        except Throttled as trouble:
            throttled = trouble
            form.add_error(None, too_many(trouble))
    context = {
        "form": form,
        "holdings": holdings,
        "recovering": recovering,
        "by_password": by_password,
        "next": next_path,
        "came_from": login.local_path(request.GET.get(CANCEL)),
    }
    page = render(request, "confirm/confirm.html", context, status=400 if form.is_bound else 200)
    return wait(page, throttled) if throttled else page


def _holds(request: SignedInRequest, holdings: Holdings, form: PasswordForm | CodeForm) -> bool:
    """Does what was typed prove who this is? The form says why not. Raises Throttled."""
    person = request.user
    if isinstance(form, CodeForm):
        try:
            proofs.with_code(
                person, holdings, form.cleaned_data["code"], lambda method: proved(request, person, method)
            )
        except proofs.NOT_PROVED as trouble:
            form.explain(trouble)
            return False
        return True
    if login.password_holds(person, form.cleaned_data["password"]):
        proved(request, person, Method.PASSWORD)
        return True
    form.add_error("password", _("This is not your password. Try again."))
    return False


@transaction.atomic
def proved(request: SiteRequest, person: User, method: Method, *, by: str = "") -> str:
    """Add the proof to the session, and a line to the audit; where to go on."""
    login.prove(request, method, by=by)
    if method is not Method.PASSWORD:  # forgiven where it was looked at
        login.forgive_guesses(person, [login.Proof(method, time(), network=throttle.network_of(person))])
    if method is Method.RECOVERY:
        tell_codes_left(request, person)
    record(Action.CONFIRMED, actor=person, subject=person, methods=[method])
    login.settle(request.session)
    return resolve_url("home")


@never_cache
@require_safe
def go_on(request: SignedInRequest) -> HttpResponse:
    """The form that was interrupted, as it was filled in; a script sends it at once, a button does it too."""
    form = request.session.get(HELD, {}).get(request.GET.get("form"))
    if not form:
        return redirect("home")
    return render(
        request,
        "confirm/continue.html",
        {"path": form["path"], "fields": form["fields"], "came_from": form.get(CANCEL)},
    )
