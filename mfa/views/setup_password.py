"""A longer password, as a step of the login: the one there is was chosen beside an authenticator app that is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import people
from accounts.forms import ChoosePasswordForm
from accounts.sessions.current import current_key, stay
from accounts.throttle.budgets import wait
from mfa import steps
from mfa.policy import Step
from mfa.steps import login_step

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import ClaimantRequest


@login_step(Step.CHOOSE_PASSWORD)
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def login_password(request: ClaimantRequest) -> HttpResponse:
    """There is no way around this page. All other sessions end, as with any new password."""
    person = request.claimant
    form = ChoosePasswordForm(person, request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            with transaction.atomic():
                people.change_password(person, form.cleaned_data["new_password1"], actor=person, here=current_key())
                stay(person)
                there = steps.step_done(request, person)
        except people.ChangedMeanwhile:
            form.gone_meanwhile()
        else:
            return HttpResponseRedirect(there)
    context = {"form": form, "counted": request.progress}
    page = render(request, "login/setup/password.html", context, status=400 if form.is_bound else 200)
    return wait(page, form.throttled) if form.throttled else page
