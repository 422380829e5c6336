"""One's session: how long it lasts; and one's other sessions, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.db import transaction
from django.http import Http404, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts import known_browsers, login, places
from accounts.acting import in_background

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@in_background("GET", "HEAD")
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def session(request: SignedInRequest) -> HttpResponse:
    """The seconds left. Asking does not make them more; "Stay signed in", a POST, does."""
    if request.method == "POST":
        request.session.seen(after=0)
    return JsonResponse(request.session.left)


@never_cache
@require_POST
def end(request: SignedInRequest, place_id: UUID) -> HttpResponse:
    """Sign out in one other place."""
    browser = places.end_place(request.user, place_id, actor=request.user)
    if browser is None:
        raise Http404
    messages.success(request, _("You are signed out of {browser}.").format(browser=browser))
    return redirect("user_settings")


@never_cache
@require_POST
def end_others(request: SignedInRequest) -> HttpResponse:
    """Sign out everywhere else."""
    with transaction.atomic():
        places.end_others(request.user, actor=request.user)
        known_browsers.remember(request, request.user)
        login.settle(request.session)
    messages.success(request, _("You are signed out everywhere else."))
    return redirect("user_settings")
