"""Administration → Activity → A day: how things stood at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.guards import settings_app
from accounts.one_moment import one_moment
from accounts.permissions import Permission
from companies.exports import headings_in_words
from companies.views.exports import sent_as_file
from mfa.step_up import confirmation_required
from reporting.past_day import OF_A_PAST_PERSON, PastDay, record_past_day

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@settings_app(Permission.ACTIVITY)
@require_safe
@one_moment()
def past_day(request: SignedInRequest) -> HttpResponse:
    """Numbers of a day that is over, by state and company."""
    shown = PastDay(request.user, request.GET.get("day", "")[:20])
    return render(request, "settings/administration/activity/day.html", {"past": shown})


@settings_app(Permission.EXPORT)
@confirmation_required
@require_POST
def past_day_export(request: SignedInRequest) -> HttpResponse:
    """Everybody as they were, as a file."""
    shown = PastDay(request.user, request.GET.get("day", "")[:20])
    record_past_day(shown.day, company=shown.scope, actor=request.user)
    return sent_as_file(f"user-{shown.day.isoformat()}", headings_in_words(OF_A_PAST_PERSON), shown.rows())
