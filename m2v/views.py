"""The home pages of the suite's apps."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from audit.models import AuditEvent
from audit.vocabulary import Action
from m2v.context import M2S, PORTAL
from m2v.user_settings.views import settings_page
from mfa.queries import State
from mfa.steps import POSTPONED
from mfa.window.page import Page
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest, SiteRequest


@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    """To the person's home app."""
    return redirect("settings:home" if request.user.opens_settings else "portal")


@require_safe
def portal(request: SignedInRequest) -> HttpResponse:
    """The portal: for now, what protects this account."""
    return render(request, "portal/index.html", security(request, "portal"))


@require_http_methods(["GET", "HEAD", "POST"])
def m2s(request: SignedInRequest) -> HttpResponse:
    """The m2s app, for the phone on site. "Not now" puts the passkey's card away until the next login."""
    if request.method == "POST":
        request.session[POSTPONED] = True
        return redirect("m2s")
    return render(request, "m2s/index.html", security(request, "m2s"))


@login_not_required
@require_safe
def accessibility(request: SiteRequest) -> HttpResponse:
    """What was tested for everyone, what is not known, and whom to tell: docs/accessibility.md in short."""
    return render(request, "accessibility/index.html")


def behind_own_window(request: SignedInRequest) -> Page:
    """The page that one's own MFA window was opened from, and goes back to."""
    app = request.GET.get("from")
    if app in {"portal", "m2s"}:
        return Page(f"{app}/index.html", reverse(app), partial(security, request, app))
    return settings_page(request)


def security(request: SignedInRequest, page: str) -> dict[str, Any]:
    """What protects this account, what is missing, and the last sign-ins, on `page`."""
    person = request.user
    window = Window(person, person)
    sign_ins = AuditEvent.objects.filter(subject=person, action__in=[Action.SIGNED_IN, Action.REFUSED])
    return {
        "window": window,
        "page": page,
        "query": f"?from={page}",  # what the window and its acts are told, to come back here
        "app": {app.key: app for app in (PORTAL, M2S)}[page],
        "offers_passkey": not window.passkeys and POSTPONED not in request.session,
        "protected": window.state is State.SET_UP,
        "sign_ins": list(sign_ins.select_related("actor", "subject", "company")[:5]),
    }
