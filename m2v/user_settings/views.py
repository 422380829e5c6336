"""One's own profile and password; how long one's session lasts, and one's other sessions, ended."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db import IntegrityError, transaction
from django.http import Http404, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from accounts import addresses, people
from accounts.forms import too_many
from accounts.models import User
from accounts.refusals import fields_ignored
from accounts.sessions import listed
from accounts.sessions.current import current_key, in_background
from accounts.throttle import budgets, known_browsers, lanes
from accounts.throttle.budgets import wait
from m2v.user_settings.forms import ChangePasswordForm, ProfileForm
from mfa.step_up import confirmation_required, confirmation_required_to_post
from mfa.window.page import Page
from reporting.person_file import take_out
from reporting.views.person import as_answer

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest


def settings_page(request: SignedInRequest) -> Page:
    """User settings, as the page behind the MFA window."""
    return Page("user-settings/index.html", reverse("user_settings"), partial(_settings, request.user))


def _settings(person: User) -> dict[str, Any]:
    """The context of User settings."""
    return {
        "form": ProfileForm(instance=User.objects.get(pk=person.pk), languages=settings.LANGUAGES),
        "places": listed.sessions_of(person),
        "pending": addresses.waiting_for(person),
    }


@confirmation_required_to_post
@require_http_methods(["GET", "HEAD", "POST"])
def user_settings(request: SignedInRequest) -> HttpResponse:
    """One's own profile, and the way to password and MFA."""
    shown = settings_page(request)
    if request.method != "POST":
        return shown.draw(request)
    person = User.objects.select_related("company").get(pk=request.user.pk)
    form = ProfileForm(request.POST, instance=person, languages=settings.LANGUAGES)
    fields_ignored(request, form)
    if form.is_valid():
        try:
            if "email" in form.changed_data:
                budgets.claim(*lanes.actor_lanes("mails", request.user))
            people.change_user(person, changed=form.changed_data, actor=request.user, seen=form.decided_on())
        except IntegrityError:
            form.taken_meanwhile()
        except budgets.Throttled as trouble:
            form.throttled = trouble
            form.add_error("email", too_many(trouble))
        except people.ChangedMeanwhile:  # between the look at the form and the lock
            person = User.objects.select_related("company").get(pk=request.user.pk)
            form = ProfileForm(request.POST, instance=person, languages=settings.LANGUAGES)
        else:
            messages.success(request, _("Your profile is saved."))
            pending = addresses.waiting_for(person) if "email" in form.changed_data else None
            if pending:
                text = _("Open the link that we sent to {email}: the address counts from then on.")
                messages.info(request, text.format(email=pending.email))
            for said in form.moved():
                messages.info(request, said)
            return redirect(shown.address)
    page = shown.draw(request, status=400, form=form)
    return wait(page, form.throttled) if form.throttled else page


@confirmation_required
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    """Change one's own password; all other sessions end."""
    person = User.objects.select_related("company").get(pk=request.user.pk)
    form = ChangePasswordForm(person, request.POST if request.method == "POST" else None)
    if form.is_valid():
        here = current_key()
        try:
            people.change_password(person, form.cleaned_data["new_password1"], actor=request.user, here=here)
        except people.ChangedMeanwhile:
            form.gone_meanwhile()
        else:
            update_session_auth_hash(request, person)
            messages.success(request, _("Your password is changed. Everywhere else you are signed out."))
            return redirect("user_settings")
    page = render(request, "user-settings/password.html", {"form": form}, status=400 if form.is_bound else 200)
    return wait(page, form.throttled) if form.throttled else page


@confirmation_required
@require_http_methods(["POST"])
def withdraw_address(request: SignedInRequest) -> HttpResponse:
    """End the link of the address that waits for oneself."""
    if addresses.withdraw(request.user, actor=request.user):
        messages.success(request, _("The address is withdrawn: its link no longer works."))
    return redirect("user_settings")


@confirmation_required
@require_POST
def own_file(request: SignedInRequest) -> HttpResponse:
    """All that is kept of oneself, as a file."""
    try:
        budgets.claim(*lanes.actor_lanes("files", request.user))
    except budgets.Throttled as trouble:
        messages.error(request, too_many(trouble))
        return redirect("user_settings")
    return as_answer(take_out(request.user, actor=request.user), request.user)


@in_background("GET", "HEAD")
@require_http_methods(["GET", "HEAD", "POST"])
def session(request: SignedInRequest) -> HttpResponse:
    """How many seconds are left. Asking does not extend them; "Stay signed in", a POST, does."""
    if request.method == "POST":
        request.session.touch(after=0)
    return JsonResponse(request.session.left)


@confirmation_required
@require_POST
def session_end(request: SignedInRequest, place_id: UUID) -> HttpResponse:
    """Sign out in one other place."""
    browser = listed.end_one(request.user, place_id, actor=request.user)
    if browser is None:
        raise Http404
    messages.success(request, _("You are signed out of {browser}.").format(browser=browser))
    return redirect("user_settings")


@confirmation_required
@require_POST
def sessions_end_others(request: SignedInRequest) -> HttpResponse:
    """Sign out everywhere else."""
    with transaction.atomic():
        listed.end_others(request.user, actor=request.user)
        known_browsers.remember(request, request.user)
        request.session.save_now()
    messages.success(request, _("You are signed out everywhere else."))
    return redirect("user_settings")
