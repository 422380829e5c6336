"""Administration → Activity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import BadRequest
from django.http import StreamingHttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from accounts.guards import settings_app
from accounts.permissions import Permission
from mfa.step_up import confirmation_required
from reporting.activity import Asked
from reporting.activity_files import CONTENT, Form, as_file, forms_for, record_export

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@settings_app(Permission.ACTIVITY)
@require_safe
def activity(request: SignedInRequest) -> HttpResponse:
    """What was done, by whom and to whom, as far as the viewer may see it."""
    asked = Asked(request.user, request.GET)
    context = {"asked": asked, "forms": forms_for(request.user)}
    return render(request, "settings/administration/activity/list.html", context)


@settings_app(Permission.EXPORT)
@confirmation_required
@require_POST
def activity_export(request: SignedInRequest) -> HttpResponse:
    """The same lines, all of them, as a file."""
    form = request.POST.get("form", Form.CSV)
    if form not in Form.values:
        raise BadRequest
    chosen, asked = Form(form), Asked(request.user, request.GET)
    record_export(chosen, company=asked.scope, filters=asked.filters, actor=request.user)
    lines = asked.activity.narrowed(folded=False).all() if asked.activity else iter(())
    answer = StreamingHttpResponse(as_file(chosen, lines), content_type=CONTENT[chosen])
    name = f"{'audit' if chosen is Form.SIGNED else 'activity'}-{timezone.localdate()}"
    ending = "csv" if chosen is Form.CSV else "jsonl"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return answer  # type: ignore[return-value]  # it is none, but goes where they go
