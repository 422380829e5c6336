"""Administration → User."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db import IntegrityError, transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import addresses, invitations, people
from accounts.authorization import LastAdministrator
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.models import User
from accounts.permissions import Permission
from accounts.refusals import fields_ignored, managed_or_404
from accounts.sessions.listed import end_one
from accounts.throttle import budgets, lanes
from companies.access_passes import open_pass_of
from companies.bulk.acts import acts_of
from companies.bulk.following import ALL_ACTS
from companies.bulk.running import latest_runs
from companies.forms import UserForm
from companies.history import History
from companies.listing.people import UserList
from companies.models import Company
from companies.user_page import UserPage
from companies.views.back import act_query, back_to_user, begun_on_user, list_query, pass_query, user_address
from companies.views.invitations import link_to_hand_over, say_invited
from companies.views.user_rows import rows_of
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import Page, confirmation
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse, QueryDict

    from accounts.requests import SignedInRequest

LIST = "settings/administration/users/list.html"
BEHIND = "settings/administration/users/behind.html"
USER_PAGE = "settings/administration/users/edit.html"
FEW_LINES = 10  # of the history at once


def page_behind(request: SignedInRequest) -> Page:
    """The page on which an act was begun: the person's own, or the list.

    Of the list only its heading: whoever opens a window from it has it behind already, and whoever comes to a window by
    its address, with no list before them, reads the window.
    """
    if not begun_on_user(request):
        return Page(BEHIND, reverse("settings:users") + list_query(request), dict)
    assert request.resolver_match  # every view has one
    user_id = request.resolver_match.kwargs["user_id"]
    return Page(USER_PAGE, user_address(request, user_id), partial(_person_behind, request, user_id))


def _person_behind(request: SignedInRequest, user_id: UUID) -> dict[str, Any]:
    return _user_page(request, find_person(request, user_id), None)


@settings_app(Permission.LOOK)
@require_safe
def user_list(request: SignedInRequest) -> HttpResponse:
    """Everybody whom the actor may manage."""
    found, acts = UserList(request.user, request.GET), acts_of(request.user)
    rows = rows_of(found.page.people, request.user, list_query(request), picks=bool(acts))
    runs = [(run, ALL_ACTS[run.act]) for run in latest_runs(request.user)] if acts else []
    chosen_for = ALL_ACTS[found.chosen_for.act] if found.chosen_for else None
    return render(request, LIST, {"list": found, "rows": rows, "acts": acts, "runs": runs, "chosen_for": chosen_for})


@settings_app(Permission.PROFILE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_new(request: SignedInRequest) -> HttpResponse:
    """Create a person, and invite them to choose their password."""
    companies = Company.objects.managed_by(request.user)
    form = UserForm(request.POST if request.method == "POST" else None, actor=request.user, companies=companies)
    fields_ignored(request, form)
    if form.is_valid():
        person = form.instance
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
            with transaction.atomic():
                people.create_user(person, actor=request.user)
                link = invitations.invite(person, actor=request.user)
        except IntegrityError:
            form.taken_meanwhile()
        except budgets.Throttled as trouble:
            form.throttled = trouble
            form.add_error(None, too_many(trouble))
        else:
            return say_invited(request, person, link)
    page = render(
        request, "settings/administration/users/new.html", {"form": form}, status=400 if form.is_bound else 200
    )
    return budgets.wait(page, form.throttled) if form.throttled else page


@settings_app(Permission.LOOK, to_post=Permission.PROFILE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_edit(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """A person's profile, and the way to their MFA."""
    person = find_person(request, user_id)
    if Permission.PROFILE not in request.user.permissions or (person.erased_at and request.method != "POST"):
        return render(request, USER_PAGE, _user_page(request, person, None))
    data = request.POST if request.method == "POST" else None
    form = _form(request, find_person(request, user_id), data)
    fields_ignored(request, form)
    if form.is_valid() and form.may_mail():
        try:
            people.change_user(form.instance, changed=form.changed_data, actor=request.user, seen=form.decided_on())
        except IntegrityError:
            form.taken_meanwhile()
        except LastAdministrator:
            form.last_administrator()
        except people.ChangedMeanwhile:  # between the look at the form and the lock
            form = _form(request, find_person(request, user_id), data)
        else:
            text = _("The profile of {name} is saved.")
            if {"role", "company"} & set(form.changed_data):
                text = _("The profile of {name} is saved, and all their sessions are ended.")
            messages.success(request, text.format(name=form.instance.get_full_name()))
            pending = addresses.waiting_for(person) if "email" in form.changed_data else None
            if pending:
                text = _("A link was sent to {email}: the address counts once it is opened.")
                messages.info(request, text.format(email=pending.email))
            for said in form.moved():
                messages.info(request, said)
            return back_to_user(request, user_id)
    page = render(request, USER_PAGE, _user_page(request, person, form), status=400 if form.is_bound else 200)
    return budgets.wait(page, form.throttled) if form.throttled else page


def _form(request: SignedInRequest, person: User, data: QueryDict | None) -> UserForm:
    return UserForm(data, instance=person, actor=request.user, companies=Company.objects.managed_by(request.user))


def _user_page(request: SignedInRequest, person: User, form: UserForm | None) -> dict[str, Any]:
    """What a person's page shows; `form` is what was sent of their profile."""
    if form is None and Permission.PROFILE in request.user.permissions and not person.erased_at:
        form = _form(request, person, None)
    window = Window(person, request.user)
    return {
        "form": form,
        "person": person,
        "list_query": list_query(request),
        "act_query": act_query(request),
        "pass_query": pass_query(request),
        "page": UserPage(person, window),
        "window": window,
        "given_pass": None if person.is_shut_out else open_pass_of(person),
        "pending": addresses.waiting_for(person),
        "locked": budgets.blocked_until(person) is not None,
        "invited": None if person.is_shut_out else invitations.invited(person),
        "link": link_to_hand_over(request, person),
        **History.of(person, viewer=request.user).shown(request.GET, FEW_LINES),
    }


@settings_app(Permission.ACTIVATE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_deactivate(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Deactivate a person; what they have set up stays."""
    person = find_person(request, user_id)
    if person == request.user:
        messages.error(request, _("You cannot deactivate yourself. Another administrator can."))
        return back_to_user(request, user_id)
    name = person.get_short_name()
    if request.method == "POST":
        try:
            people.deactivate_user(person, actor=request.user)
        except LastAdministrator:
            return last_administrator(request, person)
        messages.success(request, _("{name} is deactivated and signed out everywhere.").format(name=name))
        return back_to_user(request, user_id)
    title = _("Deactivate {full}?").format(full=person.get_full_name())
    gone = _("{name} is signed out everywhere at once and cannot sign in.").format(name=name)
    kept = _("What {name} set up stays, for the day they come back.").format(name=name)
    lines = [Consequence("bad", "minus-circle", gone), Consequence("ok", "shield-check", kept)]
    return confirmation(request, page_behind(request), title, lines)


@settings_app(Permission.ACTIVATE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_activate(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Let a person sign in again."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    if request.method == "POST":
        people.activate_user(person, actor=request.user)
        messages.success(request, _("{name} can sign in again.").format(name=name))
        return back_to_user(request, user_id)
    title = _("Activate {full} again?").format(full=person.get_full_name())
    lines = [Consequence("", "key", _("{name} can sign in as before.").format(name=name))]
    return confirmation(request, page_behind(request), title, lines, tone="primary")


@settings_app(Permission.SIGN_OUT)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def user_sign_out(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """End all sessions of a person."""
    person = find_person(request, user_id)
    window = Window(person, request.user)
    if request.method == "POST":
        people.end_sessions(person, actor=request.user)
        messages.success(request, _("{name} is signed out everywhere.").format(name=window.name))
        return HttpResponseRedirect(page_behind(request).address)
    title = _("Sign {full} out everywhere?").format(full=person.get_full_name())
    lines = [Consequence("bad" if window.sessions else "", "arrow-left-start-on-rectangle", window.sessions_end)]
    if person.is_active:
        lines.append(Consequence("", "key", _("{name} can sign in again right away.").format(name=window.name)))
    return confirmation(request, page_behind(request), title, lines, tone="danger" if window.sessions else "primary")


@settings_app(Permission.SIGN_OUT)
@confirmation_required
@require_http_methods(["POST"])
def user_session_end(request: SignedInRequest, user_id: UUID, place_id: UUID) -> HttpResponse:
    """Sign a person out in one place."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    browser = end_one(person, place_id, actor=request.user)
    if browser is None:
        messages.info(request, _("{name} is no longer signed in there.").format(name=name))
    else:
        messages.success(request, _("{name} is signed out of {browser}.").format(name=name, browser=browser))
    return back_to_user(request, user_id)


@settings_app(Permission.UNLOCK)
@confirmation_required
@require_http_methods(["POST"])
def user_unlock(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """Let a person try again at once after too many wrong passwords or codes."""
    person = find_person(request, user_id)
    name = person.get_short_name()
    if people.unlock_user(person, actor=request.user):
        messages.success(request, _("{name} can try again at once.").format(name=name))
    else:
        messages.info(request, _("{name} does not have to wait.").format(name=name))
    return back_to_user(request, user_id)


@settings_app(Permission.PROFILE)
@confirmation_required
@require_http_methods(["POST"])
def address_withdraw(request: SignedInRequest, user_id: UUID) -> HttpResponse:
    """End the link of the address that waits for a person."""
    if addresses.withdraw(find_person(request, user_id), actor=request.user):
        messages.success(request, _("The address is withdrawn: its link no longer works."))
    return back_to_user(request, user_id)


def last_administrator(request: SignedInRequest, person: User) -> HttpResponse:
    """Say that nothing was done, because nobody could administer any more."""
    text = _("m2v needs an administrator, and {name} is the last who can sign in as one.")
    messages.error(request, text.format(name=person.get_short_name()))
    return back_to_user(request, person.pk)


def find_person(request: SignedInRequest, user_id: UUID) -> User:
    people_here = User.objects.managed_by(request.user).select_related("company", "two_factor_changed_by", "locked_by")
    return managed_or_404(request, people_here, user_id)
