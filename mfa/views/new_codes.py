"""New recovery codes in one's own window: asked first, and in use once they are saved.

Until then they wait in the session, sealed; the earlier codes sign their owner
in as before, and whoever leaves the page has lost nothing.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from functools import partial
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts import login
from mfa import consequences, services
from mfa.forms import CodesSavedForm
from mfa.methods import recovery
from mfa.queries import NEXT_CODES, UNSAVED_CODES
from mfa.sealing import Purpose, Unreadable, seal, unseal
from mfa.views import back
from mfa.views.confirm import recently_proved
from mfa.views.setup import show_codes
from mfa.views.window import back_to_window, confirm, subject_of
from mfa.window import Window

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest
    from mfa.views.window import Behind

OWN_CODES = "user-settings/mfa/recovery-codes.html"


@dataclass(frozen=True)
class NextCodes:
    """Ten codes on their way to a safe place. `id` tells them from those that another tab shows."""

    id: str
    sealed: str


def keep_next(session: SessionBase, person: User) -> None:
    """Let ten new codes wait in the session, in place of any that waited there to replace the earlier ones."""
    sealed = seal(json.dumps(recovery.draw()).encode(), person.pk, Purpose.NEXT_CODES)
    session[NEXT_CODES] = asdict(NextCodes(token_urlsafe(8), b64encode(sealed).decode()))


def next_codes(session: SessionBase, person: User) -> tuple[str, list[str]]:
    """The id of the codes that wait, and they; none where none do, or where their key is gone."""
    kept = session.get(NEXT_CODES)
    if kept and person.authenticator_apps.filter(confirmed=True).exists():
        waiting = NextCodes(**kept)
        try:
            return waiting.id, json.loads(unseal(b64decode(waiting.sealed), person.pk, Purpose.NEXT_CODES))
        except Unreadable:  # nothing is lost: the earlier codes hold
            pass
    return "", []


@never_cache
@vary_on_headers("HX-Request")
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def own_new_codes(request: SignedInRequest, behind: Behind) -> HttpResponse:
    """Say what new codes mean; then make ten, which wait until they are saved."""
    shown = Window(subject_of(request, None), request.user)
    if shown.app is None:
        messages.info(request, _("Set up your authenticator app first. Recovery codes come with it."))
        return back_to_window(request, None)
    if request.method == "POST":
        keep_next(request.session, request.user)
        return HttpResponseRedirect(reverse("own_recovery_codes") + back.query(request))
    lines = consequences.of_new_codes(shown)
    title = _("Make new recovery codes?")
    return confirm(request, behind, None, shown, title=title, lines=lines, tone="primary", leaves=True)


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def own_recovery_codes(request: SignedInRequest) -> HttpResponse:
    """The codes that wait, until they are saved; then back to the window."""
    name, codes = next_codes(request.session, request.user)
    if not codes:
        return show_codes(request, request.user, OWN_CODES, partial(back.own_window, request))
    form = CodesSavedForm(request.POST if request.method == "POST" else None)
    others = form.is_bound and request.POST.get("codes") != name
    if form.is_valid() and not others:
        return _put_in_use(request, codes)
    context = {"form": CodesSavedForm() if others else form, "codes": codes, "codes_id": name, "others": others}
    return render(
        request,
        OWN_CODES,
        context | {"person": request.user, "back": back.own_window(request)},
        status=400 if form.is_bound else 200,
    )


def _put_in_use(request: SignedInRequest, codes: list[str]) -> HttpResponse:
    """Make the saved codes the person's; the earlier ones are void from now on."""
    if login.take(request.session, NEXT_CODES) is None:
        return HttpResponseRedirect(back.own_window(request))
    try:
        services.replace_recovery_codes(request.user, codes, actor=request.user)
    except services.AppGone:
        messages.error(
            request, _("Two-factor authentication was switched off meanwhile. The new codes are not in use.")
        )
        return HttpResponseRedirect(back.own_window(request))
    request.session.pop(UNSAVED_CODES, None)
    messages.success(request, _("Your new recovery codes are in use. The earlier ones no longer sign you in."))
    return HttpResponseRedirect(back.own_window(request))
