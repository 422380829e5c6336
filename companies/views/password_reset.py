"""Administration → User: send somebody a password reset."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import invitations
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies.views.back import back_to_user
from companies.views.users import find_person, page_behind
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest


@settings_app(Permission.PASSWORD_RESET)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_password_reset(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Mail a person a link to choose another password, which nobody else sees."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    if why_not := _no_password_reset(person):
        messages.info(request, why_not)
        return back_to_user(request, user_id)
    if request.method == "POST":
        try:
            budgets.claim(lanes.mail_lane("reset", person), *lanes.actor_lanes("mails", request.user))
        except budgets.Throttled as trouble:
            messages.error(request, too_many(trouble))
        else:
            invitations.start_reset(person, actor=request.user)
            text = _("A password reset is on its way: the link went to {email} and is good for one hour.")
            messages.success(request, text.format(email=person.email))
        return back_to_user(request, user_id)
    goes = _("A link to choose another password goes to {email}. It works once, for one hour; you do not see it.")
    stays = _(
        "Until {name} has chosen one, the password and all sessions stay as they are. So do authenticator app and passkeys."
    )
    lines = [
        Consequence("", "envelope", goes.format(email=person.email)),
        Consequence("ok", "shield-check", stays.format(name=name)),
    ]
    title = _("Send {full} a password reset?").format(full=person.get_full_name())
    return confirmation(request, page_behind(request), title, lines, tone="primary")


def _no_password_reset(person: User) -> str:
    """Why `person` cannot be sent a link to choose another password; "" where they can."""
    if not person.is_active:
        why = _("{name} is deactivated. Activate them first.")
    elif person.locked_at is not None:
        why = _("{name} is locked. Let them in again first.")
    elif not person.has_usable_password():
        why = _("{name} has no password yet. Invite them again.")
    elif not person.email:
        why = _("There is no e-mail address on record for {name}. Enter one first.")
    else:
        return ""
    return why.format(name=person.get_short_name())
