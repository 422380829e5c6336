"""Administration → User: remind somebody of what the next login asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies.reminders import WHY_NOT, NotReminded, remind, reminded_at, why_not
from companies.views.back import back_to_user
from companies.views.users import find_person
from mfa.queries import circumstances_of
from mfa.step_up import confirmation_required

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


@settings_app(Permission.REMIND)
@confirmation_required
@require_http_methods(["POST"])
def user_remind(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Mail a person what the next login asks for."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    why = why_not(person, circumstances_of(person), reminded_at(person), actor=request.user)
    try:
        if why is None:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
            remind(person, actor=request.user)
    except budgets.Throttled as trouble:
        messages.error(request, too_many(trouble))
    except NotReminded as trouble:  # between the look and the lock
        why = trouble.why
    else:
        if why is None:
            messages.success(request, _("A reminder is on its way to {email}.").format(email=person.email))
    if why is not None:
        messages.info(request, str(WHY_NOT[why]).format(name=name))
    return back_to_user(request, user_id)
