"""The rule for those who administer: on and off, over the overview."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import site_rule
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.one_moment import one_moment
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies.forecast import of_demanding
from companies.listing.numbers import numbers_for
from companies.services import demand_factor
from companies.views.companies import overview_page
from companies.views.forecast import rows_of_demand
from mfa.forecast import Outcome
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@settings_app(Permission.SITE_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule_on(request: SignedInRequest) -> HttpResponse:
    """Say whom the rule asks, and of what; then demand it."""
    if request.method == "POST":
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
        except budgets.Throttled as trouble:
            messages.error(request, too_many(trouble))
            return redirect("settings:home")
        thrown = demand_factor(actor=request.user)
        text = _(
            "Everybody who opens the Settings app uses two-factor authentication or a passkey from the next login on."
        )
        messages.success(request, text)
        if thrown.follows:
            return redirect("settings:bulk_run", thrown.follows.pk)
        return redirect("settings:home")
    return _ask_on(request)


@one_moment()
def _ask_on(request: SignedInRequest) -> HttpResponse:
    demand = of_demanding(numbers_for(request.user, None), viewer=request.user)
    return confirmation(
        request,
        overview_page(request),
        _("Demand two-factor authentication or a passkey of everybody who opens the Settings app?"),
        [Consequence("", "envelope", _("Administrators are told by mail, and so is everybody who is asked."))],
        tone="primary",
        forecast=rows_of_demand(demand),
        nobody_is_stuck=not demand.left.count(Outcome.STUCK),
    )


@settings_app(Permission.SITE_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def rule_off(request: SignedInRequest) -> HttpResponse:
    """Say what is no longer demanded; then stop demanding it."""
    if request.method == "POST":
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
        except budgets.Throttled as trouble:
            messages.error(request, too_many(trouble))
            return redirect("settings:home")
        site_rule.stop_demanding_factor(actor=request.user)
        text = _("People who open the Settings app are no longer asked for two-factor authentication or a passkey.")
        messages.success(request, text)
        return redirect("settings:home")
    lines = [
        Consequence("bad", "key", _("A password alone opens the Settings app for whoever has set up nothing else.")),
        Consequence("ok", "shield-check", _("What people have set up stays, and is asked for as before.")),
        Consequence("", "envelope", _("Administrators are told by mail.")),
    ]
    title = _("Stop demanding two-factor authentication or a passkey of everybody who opens the Settings app?")
    return confirmation(request, overview_page(request), title, lines)
