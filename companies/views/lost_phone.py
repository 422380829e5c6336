"""Administration → User: "Lost phone", the access pass that is shown once, and its end."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts import people
from accounts.authorization import LastAdministrator
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.permissions import Permission
from accounts.sealing import Purpose, Unreadable, seal, unseal
from accounts.throttle import budgets, lanes
from audit.methods import enumerated
from audit.models import AuditEvent
from audit.sentences import checked_how
from audit.vocabulary import Action
from companies.access_passes import NothingToOpen, is_of_use, open_pass_of, withdraw_pass
from companies.forms import LostPhoneForm
from companies.lost_factors import after_reset, lost_factors
from companies.lost_phone import reset
from companies.pass_words import has_ended, is_there
from companies.seen import holdings, open_pass
from companies.spelling import spelled
from companies.user_page import UserPage
from companies.views.back import ONLY, PASS, act_query, back_to_user, list_query, pass_query
from companies.views.users import find_person, last_administrator, page_behind
from mfa.services import Sessions
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence, of_an_older_page
from mfa.window.page import confirmation, dialog
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest
    from companies.lost_phone import Reset
    from mfa.models import AccessPass

SHOWN = "access_pass"  # in the session: whose, and the pass itself, sealed, until it was shown
DIALOG = "settings/administration/users/lost-phone.html"
PASS_PAGE = "settings/administration/users/access-pass.html"  # noqa: S105  # a page


@settings_app(Permission.RESET)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_lost_phone(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Ask what was lost and how it was made sure who asks; then remove it, sign out, and give a pass."""
    person = find_person(request, user_id)
    if person == request.user or person.is_shut_out:
        return _not_here(request, person)
    window = Window(person, request.user)
    first = UserPage(person, window).needs_first_pass or request.GET.get(ONLY) == PASS
    factors = [] if first else lost_factors(window)
    sent = request.POST if request.method == "POST" else None
    form = LostPhoneForm(sent, factors=factors, first=first, now=holdings(person))
    if form.is_valid():
        data, ending = form.cleaned_data, window.sessions
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
            done = reset(
                person,
                lost=form.lost,
                checked=data["checked"],
                reason=data["reason"],
                valid=data["valid"] if data["give_pass"] else None,
                sessions=Sessions.END if data["sign_out"] else Sessions.GO_ON,
                actor=request.user,
                seen=form.now,
            )
        except people.ChangedMeanwhile:
            messages.info(request, _("This account was changed in the meantime. Look at it again."))
            return back_to_user(request, user_id)
        except LastAdministrator:
            return last_administrator(request, person)
        except NothingToOpen:
            text = _("{name} signs in with user name and password only: an access pass would open nothing.")
            form.add_error("give_pass", text.format(name=person.get_short_name()))
        except budgets.Throttled as trouble:
            form.throttled = trouble
            form.add_error(None, too_many(trouble))
        else:
            return _done(request, person, done, signed_out=ending if data["sign_out"] else 0)
    return _dialog(request, window, form)


def _dialog(request: SignedInRequest, window: Window, form: LostPhoneForm) -> HttpResponse:
    """What is asked, over the page that it was begun on."""
    person, demanded = window.subject, window.circumstances.standing.pass_demanded
    given = open_pass_of(person)
    context = {
        "title": _("Give an access pass") if form.first else _("Lost phone"),
        "lost": form,  # the page behind has a form of its own
        "person": person,
        "window": window,
        "holds": bool(lost_factors(window)),
        "then": after_reset(window) if form.factors else [],
        "of_use": is_of_use(person),
        "open_pass": is_there(given, viewer=request.user) if given else "",
        "pass_needed": person.pass_demanded_by_company or (demanded and not lost_factors(window)),
        "action": request.get_full_path(),
    }
    page = dialog(request, page_behind(request), DIALOG, context, status=400 if form.is_bound else 200)
    return budgets.wait(page, form.throttled) if form.throttled else page


def _not_here(request: SignedInRequest, person: User) -> HttpResponse:
    """Say why not, back on the person's page."""
    if person == request.user:
        messages.error(request, _("You cannot do this for yourself. Another administrator can."))
    else:
        messages.info(request, _("{name} is locked or deactivated.").format(name=person.get_short_name()))
    return back_to_user(request, person.pk)


def _done(request: SignedInRequest, person: User, done: Reset, *, signed_out: int) -> HttpResponse:
    """Say what happened; the pass is on a page of its own."""
    gone = [_("the authenticator app")] if done.apps else []
    if done.codes:
        gone.append(ngettext("%d recovery code", "%d recovery codes", done.codes) % done.codes)
    gone += [_("the passkey {name}").format(name=passkey.name) for passkey in done.passkeys]
    if gone:
        text = _("Removed from {name}’s account: {gone}.").format(name=person.get_short_name(), gone=enumerated(gone))
        messages.success(request, text)
    if signed_out:
        text = ngettext("{number} session ended.", "{number} sessions ended.", signed_out)
        messages.success(request, text.format(number=signed_out))
    if done.ended:
        messages.info(request, has_ended(done.ended, viewer=request.user))
    if not (gone or signed_out or done.code or done.ended):
        messages.info(request, _("{name} is not signed in anywhere.").format(name=person.get_short_name()))
    if not done.code:
        return back_to_user(request, person.pk)
    kept = json.dumps([str(person.pk), done.code]).encode()
    request.session[SHOWN] = b64encode(seal(kept, request.user.pk, Purpose.SHOWN_PASS)).decode()
    return HttpResponseRedirect(reverse("settings:user_access_pass", args=[person.pk]) + list_query(request))


def _just_made(request: SignedInRequest, person: User) -> str:
    """The pass just made for `person`, once."""
    try:
        whose, code = json.loads(unseal(b64decode(request.session.pop(SHOWN, "")), request.user.pk, Purpose.SHOWN_PASS))
    except Unreadable:  # there is none, or the keys were changed meanwhile: another can be made
        return ""
    return str(code) if whose == str(person.pk) else ""


@settings_app(Permission.PASS)
@confirmation_required
@require_safe
def user_access_pass(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """The pass, once; afterwards that it was shown, and until when it is open."""
    person = find_person(request, user_id)
    given = open_pass_of(person)
    code = _just_made(request, person)
    made = AuditEvent.objects.filter(subject=person, action=Action.ACCESS_PASS_MADE).order_by("-pk").first()
    context = {
        "person": person,
        "given": given,
        "code": code if given else "",
        "spelled": spelled(code),
        "site_address": settings.BASE_URL.partition("://")[2] + reverse("login"),
        "checked": checked_how(made) if made else "",
        "list_query": list_query(request),
        "act_query": act_query(request),
        "pass_query": pass_query(request),
    }
    return render(request, PASS_PAGE, context)


@settings_app(Permission.PASS)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_pass_withdraw(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """End the open pass of a person."""
    person = find_person(request, user_id)
    name, given, now = person.get_short_name(), open_pass_of(person), open_pass(person)
    is_older = given is not None and request.POST.get("seen", now) != now
    if request.method == "POST" and not is_older:
        return _withdraw(request, person, given)
    lines = [
        *([of_an_older_page()] if is_older else []),
        *([Consequence("", "ticket", is_there(given, viewer=request.user))] if given else []),
        Consequence("bad", "ticket", _("{name}’s access pass opens nothing any more.").format(name=name)),
        Consequence("wait", "clock", _("To set up the next phone, {name} needs a new one.").format(name=name)),
    ]
    title = _("Withdraw the access pass of {full}?").format(full=person.get_full_name())
    return confirmation(request, page_behind(request), title, lines, seen=now, status=400 if is_older else 200)


def _withdraw(request: SignedInRequest, person: User, given: AccessPass | None) -> HttpResponse:
    """End `given`, and no other, and say so."""
    name = person.get_short_name()
    try:
        ended = withdraw_pass(person, actor=request.user, made=given.created_at if given else None)
    except people.ChangedMeanwhile:
        messages.info(request, _("This account was changed in the meantime. Look at it again."))
    else:
        if ended:
            messages.success(request, _("{name}’s access pass opens nothing any more.").format(name=name))
        else:
            messages.info(request, _("{name} has no open access pass.").format(name=name))
    return back_to_user(request, person.pk)
