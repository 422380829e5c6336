"""The pages on which people create a passkey: asked for at login, or of their own accord."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import login
from accounts.models import User
from audit.recording import record
from audit.vocabulary import Action
from mfa.flow import advance, counted, holdings_in, login_step
from mfa.models import PasskeyRequest
from mfa.policy import Method, Step, may_enrol
from mfa.queries import POSTPONED, standing_of
from mfa.views import back
from mfa.views.confirm import recently_proved

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest, SiteRequest


@login_step(Step.SET_UP_PASSKEY)
@require_http_methods(["GET", "HEAD", "POST"])
def login_passkey(request: SiteRequest) -> HttpResponse:
    """Somebody asks for a passkey. It is a request: "Not now" goes on, and the next login asks again."""
    person = request.claimant
    assert isinstance(person, User)  # login_step opens to claimants only
    if request.method == "POST" and "later" in request.POST:
        request.session[POSTPONED] = True
        with transaction.atomic():
            record(Action.PASSKEY_POSTPONED, actor=person, subject=person)
            return HttpResponseRedirect(advance(request, person))
    methods = {Method(method) for method in login.methods_proved(request.session)}
    asked = PasskeyRequest.objects.select_related("requested_by").filter(user=person).first()
    return render(
        request,
        "login/setup/passkey.html",
        {
            "asked": asked,
            "counted": counted(request),
            "may_enrol": may_enrol(standing_of(person, holdings_in(request), request.session), methods),
        },
        status=400 if request.method == "POST" else 200,
    )


@never_cache
@recently_proved
@require_safe
def own_passkey_new(request: SignedInRequest) -> HttpResponse:
    """Create a passkey of one's own accord."""
    return render(request, "user-settings/mfa/passkey.html", {"back": back.own_window(request)})
