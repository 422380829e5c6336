"""The login: password, second factor, sign out."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from django.contrib.auth import REDIRECT_FIELD_NAME, authenticate, logout
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import redirect, render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import login
from accounts.authorization import helped
from accounts.backends import AccountLocked
from accounts.forms import too_many
from accounts.login import Proof
from accounts.models import User
from accounts.sessions.current import current_id
from accounts.throttle.budgets import Throttled, wait
from accounts.throttle.lanes import network_of
from audit.recording import record
from audit.vocabulary import Action
from mfa import proofs, steps
from mfa.forms import AccessPassForm, CodeForm, LoginForm, RecoveryCodeForm
from mfa.methods import recovery_codes
from mfa.methods.errors import NotProved
from mfa.policy import Method, Step
from mfa.steps import login_step

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import ClaimantRequest, SiteRequest


@login_not_required
@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: SiteRequest) -> HttpResponse:
    """User name and password; whoever is on the way already is sent on."""
    next_path = login.local_path(request.POST.get("next") or request.GET.get(REDIRECT_FIELD_NAME))
    if request.method != "POST":
        if request.user.is_authenticated:
            return HttpResponseRedirect(next_path or resolve_url("home"))
        if request.progress:
            return redirect(request.progress.pending[0])
    form = LoginForm(request.POST if request.method == "POST" else None)
    context = {"form": form, "next": next_path}
    if form.is_valid():
        try:
            person = authenticate(request, **form.cleaned_data)
        except Throttled as trouble:
            _refuse_name(form, "Throttled")
            context["wait"] = too_many(trouble)
            return wait(render(request, "login/password.html", context), trouble)
        except AccountLocked as trouble:
            _refuse_name(form, AccountLocked.__name__)
            return render(request, "login/locked.html", {"helped": helped(trouble.person)}, status=403)
        if isinstance(person, User):
            proof = Proof(Method.PASSWORD, time(), network=network_of(person))
            return HttpResponseRedirect(steps.begin(request, person, proof, next_path=next_path))
        _refuse_name(form, "WrongPassword")
        form.add_error(None, _("Check both and try again."))
    return render(request, "login/password.html", context, status=400 if form.is_bound else 200)


def _refuse_name(form: LoginForm, reason: str) -> None:
    """Write down that a password did not count, for whoever has this name."""
    login.refuse(User.objects.get_queryset().named(form.cleaned_data["username"]), Method.PASSWORD, reason)


@login_step(Step.CHALLENGE)
@require_http_methods(["GET", "HEAD", "POST"])
def challenge(request: ClaimantRequest) -> HttpResponse:
    """The second factor: the app's code, a recovery code in its place, or a passkey."""
    person, holdings = request.claimant, request.progress.holdings
    asked = request.GET.get("with", "")
    recovering = holdings.has_codes and (holdings.app_disabled or asked == "recovery") and asked != "pass"
    by_pass = (holdings.has_pass and asked == "pass") or not request.progress.standing.accepted
    kind = AccessPassForm if by_pass else RecoveryCodeForm if recovering else CodeForm
    form = kind(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with proofs.by_code(person, holdings, form.method, form.cleaned_data["code"]) as proof:
                there = steps.prove(request, person, proof)
        except Throttled as trouble:
            form.add_error("code", too_many(trouble))
            return wait(_challenge_page(request, form, recovering=recovering, by_pass=by_pass), trouble)
        except NotProved as trouble:
            form.explain(trouble)
        else:
            if form.method == Method.RECOVERY:
                recovery_codes.tell_left(request, person)
            return HttpResponseRedirect(there)
    return _challenge_page(request, form, recovering=recovering, by_pass=by_pass)


def _challenge_page(request: ClaimantRequest, form: CodeForm, *, recovering: bool, by_pass: bool) -> HttpResponse:
    context = {
        "form": form,
        "holdings": request.progress.holdings,
        "recovering": recovering,
        "by_pass": by_pass,
        "offers_pass": request.progress.holdings.has_pass,
    }
    return render(request, "login/challenge.html", context, status=400 if form.is_bound else 200)


@login_not_required
@require_POST
def sign_out(request: SiteRequest) -> HttpResponse:
    """End the session, half-way or whole; the browser drops what it kept of the pages (ASVS 14.3.1)."""
    there = resolve_url("login")  # which says so: nothing is kept of the session, not even a word
    with transaction.atomic():
        if request.user.is_authenticated:
            record(Action.SIGNED_OUT, actor=request.user, subject=request.user, session=current_id())
            there = f"{there}?signed_out=yes"
        logout(request)
    answer = HttpResponseRedirect(there)
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer
