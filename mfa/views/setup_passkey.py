"""The pages on which people create a passkey: asked for at login, or of their own accord."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from audit.recording import record
from audit.vocabulary import Action
from mfa import steps
from mfa.models import PasskeyRequest
from mfa.policy import Step
from mfa.step_up import confirmation_required
from mfa.steps import POSTPONED, login_step
from mfa.window.page import own_window

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import ClaimantRequest, SignedInRequest


@login_step(Step.SET_UP_PASSKEY)
@require_http_methods(["GET", "HEAD", "POST"])
def login_passkey(request: ClaimantRequest) -> HttpResponse:
    """Somebody asks for a passkey. It is a request: "Not now" goes on, and the next login asks again."""
    person = request.claimant
    if request.method == "POST" and "later" in request.POST:
        request.session[POSTPONED] = True
        with transaction.atomic():
            record(Action.PASSKEY_POSTPONED, actor=person, subject=person)
            return HttpResponseRedirect(steps.step_done(request, person))
    asked = PasskeyRequest.objects.select_related("requested_by").filter(user=person).first()
    return render(
        request,
        "login/setup/passkey.html",
        {
            "asked": asked,
            "counted": request.progress,
            "may_enrol": request.progress.may_enrol,
        },
        status=400 if request.method == "POST" else 200,
    )


@confirmation_required
@require_safe
def own_passkey_new(request: SignedInRequest) -> HttpResponse:
    """Create a passkey of one's own accord."""
    return render(request, "user-settings/mfa/passkey.html", {"back": own_window(request)})
