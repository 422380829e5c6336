"""The page behind the link "This wasn't me" of a mail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts import not_me as links
from accounts import people
from accounts.authorization import helped
from notices import sending

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SiteRequest


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: SiteRequest, token: str) -> HttpResponse:
    """ "This wasn't me": the page says what will happen, and its button does it. Following the link does nothing."""
    claim = links.read(token)
    if claim is None:
        return render(request, "not-me/gone.html", status=404)
    headline = sending.headline(claim.event)
    if request.method != "POST":
        context = {"claim": claim, "headline": headline, "reported_at": people.reported_at(claim)}
        context["helped"] = helped(claim.person)
        return render(request, "not-me/index.html", context)
    people.report_not_me(claim, about=str(headline))
    if request.session.get(SESSION_KEY) == str(claim.person.pk):
        request.session.flush()
    return redirect("not_me", token)
