"""New recovery codes in one's own window: asked first, and in use once they are saved.

Until then they wait in the session, sealed; the earlier codes sign their owner
in as before, and whoever leaves the page has lost nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.permissions import Permission
from mfa import services
from mfa.forms import CodesSavedForm
from mfa.methods.recovery_codes.enrolment import NEXT_CODES, UNSAVED_CODES, keep_next, next_codes
from mfa.step_up import confirmation_required
from mfa.views.setup import show_codes
from mfa.window import consequences
from mfa.window.page import own_query, own_window
from mfa.window.sentences import Window
from mfa.window.views import back_to_window, confirm, subject_of, window_page

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from mfa.window.views import Behind

OWN_CODES = "user-settings/mfa/recovery-codes.html"


@window_page(Permission.OWN)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_new_codes(request: SignedInRequest, behind: Behind) -> HttpResponse:
    """Say what new codes mean; then make ten, which wait until they are saved."""
    shown = Window(subject_of(request, None), request.user)
    if shown.app is None:
        messages.info(request, _("Set up your authenticator app first. Recovery codes come with it."))
        return back_to_window(request, None)
    if request.method == "POST":
        keep_next(request.session, request.user)
        return HttpResponseRedirect(reverse("own_recovery_codes") + own_query(request))
    lines = consequences.of_new_codes(shown)
    title = _("Make new recovery codes?")
    return confirm(request, behind, None, shown, title=title, lines=lines, tone="primary", leaves=True)


@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_recovery_codes(request: SignedInRequest) -> HttpResponse:
    """The codes that wait, until they are saved; then back to the window."""
    name, codes = next_codes(request.session, request.user)
    if not codes:
        return show_codes(request, request.user, OWN_CODES)
    form = CodesSavedForm(request.POST if request.method == "POST" else None)
    others = form.is_bound and request.POST.get("codes") != name
    if form.is_valid() and not others:
        return _put_in_use(request, codes)
    context = {"form": CodesSavedForm() if others else form, "codes": codes, "codes_id": name, "others": others}
    context |= {"person": request.user, "back": own_window(request)}
    return render(request, OWN_CODES, context, status=400 if form.is_bound else 200)


def _put_in_use(request: SignedInRequest, codes: list[str]) -> HttpResponse:
    """Make the saved codes the person's; the earlier ones are void from now on."""
    if request.session.pop_once(NEXT_CODES) is None:
        return HttpResponseRedirect(own_window(request))
    try:
        services.replace_recovery_codes(request.user, codes, actor=request.user)
    except services.AppGone:
        messages.error(
            request, _("Two-factor authentication was switched off meanwhile. The new codes are not in use.")
        )
        return HttpResponseRedirect(own_window(request))
    request.session.pop(UNSAVED_CODES, None)
    messages.success(request, _("Your new recovery codes are in use. The earlier ones no longer sign you in."))
    return HttpResponseRedirect(own_window(request))
