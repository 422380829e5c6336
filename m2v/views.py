"""The home pages of the suite's apps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.actions import Action
from accounts.models import AuditEvent
from mfa.queries import State
from mfa.window import Window

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@never_cache
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """To the person's home app."""
    return redirect("settings:home" if request.user.opens_settings else "portal")


@never_cache
@require_safe
def portal(request: SignedInRequest) -> HttpResponse:
    """The portal: for now, what protects this account."""
    return render(request, "portal/index.html", security(request))


@never_cache
@require_safe
def m2s(request: SignedInRequest) -> HttpResponse:
    """The m2s app, for the phone on site."""
    return render(request, "m2s/index.html", security(request))


def security(request: SignedInRequest) -> dict[str, Any]:
    """What protects this account, what is missing, and the last sign-ins."""
    person = request.user
    window = Window(person, person)
    sign_ins = AuditEvent.objects.filter(subject=person, action__in=[Action.SIGNED_IN, Action.REFUSED])
    return {
        "window": window,
        "protected": window.state is State.SET_UP,
        "sign_ins": list(sign_ins.select_related("actor", "subject", "company")[:5]),
    }
