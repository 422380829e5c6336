"""A company's demand for an access pass before each first set-up: it says what it will do, and does it once confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.guards import settings_app
from accounts.one_moment import one_moment
from accounts.permissions import Permission
from companies.access_passes import demand_passes, stop_demanding_passes
from companies.forecast import of_demanding_pass
from companies.listing.numbers import numbers_for
from companies.views.companies import company_page, find_company
from companies.views.forecast import rows_of_stuck
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@settings_app(Permission.COMPANY_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_pass_on(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say who will be asked for a pass; then demand it."""
    shown = find_company(request, company_id)
    if request.method == "POST":
        demand_passes(shown, actor=request.user)
        text = _("{company} demands an access pass before each first set-up.")
        messages.success(request, text.format(company=shown.name))
        return redirect("settings:company", company_id)
    with one_moment():
        forecast = of_demanding_pass(shown, numbers_for(request.user, shown), viewer=request.user)
    lines = [
        Consequence("ok", "shield-check", _("Users who have set it up sign in as before.")),
        Consequence("", "users", _("A first password that another person has read opens nothing any more.")),
    ]
    if not shown.two_factor_enabled:
        text = _("It holds for those of whom two-factor authentication is required: {company} does not require it.")
        lines.append(Consequence("", "information-circle", text.format(company=shown.name)))
    title = _("Demand an access pass before each first set-up in {company}?").format(company=shown.name)
    return confirmation(
        request,
        company_page(request, company_id),
        title,
        lines,
        tone="primary",
        forecast=rows_of_stuck(forecast, shown),
        nobody_is_stuck=False,
    )


@settings_app(Permission.COMPANY_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_pass_off(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say what is no longer asked; then stop demanding it."""
    shown = find_company(request, company_id)
    if request.method == "POST":
        stop_demanding_passes(shown, actor=request.user)
        text = _("{company} no longer demands an access pass before first set-ups.")
        messages.success(request, text.format(company=shown.name))
        return redirect("settings:company", company_id)
    lines = [
        Consequence("bad", "key", _("Anyone with a first password can set up two-factor authentication with it.")),
        Consequence("", "ticket", _("Passes that are open still count, and whoever was given one needs one.")),
    ]
    title = _("No longer demand access passes in {company}?").format(company=shown.name)
    return confirmation(request, company_page(request, company_id), title, lines, tone="primary")
