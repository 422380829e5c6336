"""The page on which people confirm who they are (`mfa.step_up`), and the one that sends the interrupted form on."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from accounts import login
from accounts.forms import too_many
from accounts.login import Proof
from accounts.throttle.budgets import Throttled, wait
from audit.methods import beyond_password
from mfa import held_forms, proofs, step_up
from mfa.forms import CodeForm, PasswordForm, RecoveryCodeForm
from mfa.methods import TYPED, recovery_codes
from mfa.methods.errors import NotProved
from mfa.policy import Method
from mfa.queries import holdings_of

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from mfa.methods.held import Holdings


@sensitive_post_parameters("password", "code")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: SignedInRequest) -> HttpResponse:
    """Code, recovery code, passkey, or the password where there is nothing beyond it; then back to what was asked."""
    holdings = holdings_of(request.user)
    next_path = login.local_path(request.POST.get("next") or request.GET.get(REDIRECT_FIELD_NAME))
    if request.method != "POST" and held_forms.is_gone(request, next_path):
        return HttpResponseRedirect(next_path)  # nobody confirms for what will not go on
    recovering = holdings.has_codes and (holdings.app_disabled or request.GET.get("with") == "recovery")
    by_password = not holdings.beyond_password
    kind = PasswordForm if by_password else RecoveryCodeForm if recovering else CodeForm
    form = kind(request.POST if request.method == "POST" else None)
    if isinstance(form, CodeForm):
        form.methods = beyond_password(TYPED)  # an access pass confirms nothing
    throttled = None
    if form.is_valid():
        try:
            if _holds(request, holdings, form, next_path):
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
        "came_from": login.local_path(request.GET.get(step_up.CANCEL)),
    }
    page = render(request, "confirm/confirm.html", context, status=400 if form.is_bound else 200)
    return wait(page, throttled) if throttled else page


def _holds(request: SignedInRequest, holdings: Holdings, form: PasswordForm | CodeForm, next_path: str) -> bool:
    """Does what was typed prove who this is? Then it goes on at `next_path`; else the form says why. Raises Throttled."""
    person = request.user
    if isinstance(form, CodeForm):
        try:
            with proofs.by_code(person, holdings, form.method, form.cleaned_data["code"]) as proof:
                if form.method == Method.RECOVERY:
                    recovery_codes.tell_left(request, person)
                step_up.confirm(request, person, proof, next_path=next_path)
        except NotProved as trouble:
            form.explain(trouble)
            return False
        return True
    if login.password_holds(person, form.cleaned_data["password"]):
        step_up.confirm(request, person, Proof(Method.PASSWORD, time()), next_path=next_path)
        return True
    form.add_error("password", _("This is not your password. Try again."))
    return False


@require_safe
def go_on(request: SignedInRequest) -> HttpResponse:
    """The form that was interrupted, as it was filled in; a script sends it at once, a button does it too."""
    key = request.GET.get("form", "")
    form = held_forms.waiting(request).get(key)
    if form is None:
        return render(request, "confirm/gone.html", status=410)
    if not form["confirmed"]:
        return HttpResponseRedirect(step_up.address_to_ask(held_forms.path_of(key), form["cancel"]))
    context = {"path": form["path"], "fields": form["fields"], "came_from": form["cancel"]}
    return render(request, "confirm/continue.html", context)
