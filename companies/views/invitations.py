"""Administration → User: invite again, withdraw the invitation, and the link to hand over."""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import invitations, people
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.models import User
from accounts.permissions import Permission
from accounts.refusals import managed_or_404
from accounts.sealing import Purpose, Unreadable, seal, unseal
from accounts.throttle import budgets, lanes
from companies.views.back import back_to_user, to_let_in
from mfa.step_up import confirmation_required

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

HANDED_OVER = "invitation_link"


@settings_app(Permission.INVITE)
@confirmation_required
@require_http_methods(["POST"])
def user_invite(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Send a new invitation to somebody who has not chosen a password yet; earlier links end."""
    person = managed_or_404(request, User.objects.managed_by(request.user), user_id)
    if person.is_active and person.locked_at is not None:
        return to_let_in(request, user_id)
    if not person.is_active or person.has_usable_password():
        text = (
            _("{name} has a password already.")
            if person.is_active
            else _("{name} is deactivated. Activate them first.")
        )
        messages.info(request, text.format(name=person.get_short_name()))
        return back_to_user(request, user_id)
    try:
        budgets.claim(lanes.mail_lane("invite", person), *lanes.actor_lanes("mails", request.user))
        return say_invited(request, person, invitations.invite(person, actor=request.user))
    except people.ChangedMeanwhile:
        return _chosen_already(request, person)
    except budgets.Throttled as trouble:
        messages.error(request, too_many(trouble))
        return back_to_user(request, user_id)


@settings_app(Permission.INVITE)
@confirmation_required
@require_http_methods(["POST"])
def user_withdraw(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """End the invitation of somebody who has not used it yet: the link is dead."""
    person = managed_or_404(request, User.objects.managed_by(request.user), user_id)
    invited = invitations.invited(person)
    if invited is None or not invited.works:
        messages.info(request, _("{name} has no open invitation.").format(name=person.get_short_name()))
        return back_to_user(request, user_id)
    try:
        invitations.withdraw(person, actor=request.user)
    except people.ChangedMeanwhile:
        return _chosen_already(request, person)
    text = _(
        "The invitation is withdrawn: its link no longer works. {name} cannot sign in until they are invited again."
    )
    messages.success(request, text.format(name=person.get_short_name()))
    return back_to_user(request, user_id)


def _chosen_already(request: SignedInRequest, person: User) -> HttpResponse:
    """Say that the link was used just before the administrator could withdraw it."""
    messages.info(request, _("{name} has just chosen a password.").format(name=person.get_short_name()))
    return back_to_user(request, person.pk)


def say_invited(request: SignedInRequest, person: User, link: str) -> HttpResponse:
    """Say where the invitation went; without an address, show the link once."""
    if person.email:
        days = settings.INVITATION_DAYS
        text = ngettext(
            "{name} is invited: the link went to {email} and is good for {days} day.",
            "{name} is invited: the link went to {email} and is good for {days} days.",
            days,
        )
        messages.success(request, text.format(name=person.get_short_name(), email=person.email, days=days))
    else:
        request.session[HANDED_OVER] = [
            str(person.pk),
            b64encode(seal(link.encode(), request.user.pk, Purpose.INVITATION)).decode(),
        ]
        messages.success(request, _("{name} is invited. Hand the link over.").format(name=person.get_short_name()))
    return back_to_user(request, person.pk)


def link_to_hand_over(request: SignedInRequest, person: User) -> str:
    """The link just made for `person`, once."""
    whose, sealed = request.session.get(HANDED_OVER, ("", ""))
    if whose != str(person.pk):
        return ""
    del request.session[HANDED_OVER]
    try:
        return unseal(b64decode(sealed), request.user.pk, Purpose.INVITATION).decode()
    except Unreadable:  # the keys were changed meanwhile: "Invite again" makes another
        return ""
