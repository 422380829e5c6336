"""Administration → User: lock an account, and let its person in again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts import people
from accounts.authorization import LastAdministrator
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies.forms import LetInForm
from companies.history import History
from companies.letting_in import Lock, let_in
from companies.views.back import back_to_user, list_query, to_let_in
from companies.views.invitations import say_invited
from companies.views.users import find_person, last_administrator, page_behind
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

MOST_LINES = 50  # of the history


@settings_app(Permission.LOCK)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_lock(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Lock a person's account until somebody lets them in again."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    if person == request.user:
        messages.error(request, _("You cannot lock yourself. Another administrator can."))
        return back_to_user(request, user_id)
    if person.locked_at is not None:
        messages.info(request, _("{name} is locked already.").format(name=name))
        return to_let_in(request, user_id)
    if request.method == "POST":
        try:
            people.lock_user(person, actor=request.user)
        except LastAdministrator:
            return last_administrator(request, person)
        messages.success(request, _("{name} is locked and signed out everywhere.").format(name=name))
        return to_let_in(request, user_id)
    sessions = Window(person, request.user).sessions
    ends = _("{name} is not signed in anywhere now.")
    if sessions:
        ends = ngettext(
            "{name} is signed out everywhere at once: {number} session ends.",
            "{name} is signed out everywhere at once: {number} sessions end.",
            sessions,
        )
    shut = _("Nothing lets {name} in: no password, no code, no passkey and no link in a mail.")
    kept = _("Password, authenticator app and passkeys stay, for you to look at before you let {name} in again.")
    lines = [
        Consequence("bad", "lock-closed", shut.format(name=name)),
        Consequence("", "arrow-left-start-on-rectangle", ends.format(name=name, number=sessions)),
        Consequence("ok", "shield-check", kept.format(name=name)),
    ]
    return confirmation(
        request, page_behind(request), _("Lock the account of {full}?").format(full=person.get_full_name()), lines
    )


@settings_app(Permission.LOCK)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_let_in(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Look at every factor of a locked person, choose which stay, and let the person choose a new password."""
    person = find_person(request, user_id)
    if person.locked_at is None:
        messages.info(request, _("{name} is not locked.").format(name=person.get_short_name()))
        return back_to_user(request, user_id)
    if not person.is_active:
        messages.info(request, _("{name} is deactivated. Activate them first.").format(name=person.get_short_name()))
        return back_to_user(request, user_id)
    lock = Lock(person, request.user)
    form = LetInForm(request.POST if request.method == "POST" else None, factors=lock.factors(), now=lock.word)
    if form.is_valid():
        checked, reason = form.cleaned_data["checked"], form.cleaned_data["reason"]
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
            link = let_in(person, kept=form.kept, checked=checked, reason=reason, actor=request.user, seen=form.now)
        except people.ChangedMeanwhile:
            messages.info(request, _("This account was changed in the meantime. Look at it again."))
            return back_to_user(request, user_id)
        except budgets.Throttled as trouble:
            form.throttled = trouble
            form.add_error(None, too_many(trouble))
        else:
            return say_invited(request, person, link)
    context = {"form": form, "person": person, "lock": lock, "window": Window(person, request.user)}
    context |= History.of(person, viewer=request.user).shown(request.GET, MOST_LINES)
    context["list_query"] = list_query(request)
    page = render(request, "settings/administration/users/let-in.html", context, status=400 if form.is_bound else 200)
    return budgets.wait(page, form.throttled) if form.throttled else page
