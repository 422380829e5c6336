"""Setting up an authenticator app and saving recovery codes: as steps of the login, and in one's own window.

Secret and codes wait in the session, sealed: the secret until a code confirms it, the codes until they are saved
(`mfa.methods.totp.enrolment`, `mfa.methods.recovery_codes.enrolment`).
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import login
from accounts.login import Proof
from accounts.sealing import Unreadable
from mfa import services, steps
from mfa.forms import CodesSavedForm, SetUpForm
from mfa.methods import totp
from mfa.methods.recovery_codes.enrolment import NEXT_CODES, UNSAVED_CODES, keep_unsaved, unsaved
from mfa.methods.totp.enrolment import SETUP, Setup, SetupGone, begin_setup, current_setup, waiting_setup
from mfa.methods.totp.qr import qr_svg
from mfa.policy import Method, Step
from mfa.step_up import confirmation_required
from mfa.steps import login_step
from mfa.window.page import own_query, own_window

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import ClaimantRequest, SignedInRequest, SiteRequest
    from accounts.sessions.store import SessionStore


def _waiting_codes(session: SessionStore, person: User) -> list[str]:
    """The codes that wait to be saved, none where none do; new ones where the key that sealed them is gone."""
    try:
        return unsaved(session, person)
    except Unreadable:
        with transaction.atomic():
            codes = services.make_recovery_codes(person, actor=person)
            keep_unsaved(session, person, codes)
            session.save_now()
        return codes


def set_up_app(request: SiteRequest, person: User, template: str, **more: object) -> HttpResponse:
    """The page with QR code and key. A right code makes the app."""
    if request.POST.get("new_key"):
        begin_setup(request.session, person)
        return HttpResponseRedirect(request.get_full_path())
    form = SetUpForm(request.POST if request.method == "POST" else None)
    trouble = ""
    try:
        setup, key = _setup_asked_for(request, person)
        if form.is_valid():
            try:
                step = totp.check(key, form.cleaned_data["code"], time())
            except totp.WrongCode as wrong:
                form.explain(wrong)
            else:
                return HttpResponseRedirect(_finish(request, person, key, step))
    except services.SetUpMeanwhile:
        return HttpResponseRedirect(request.get_full_path())
    except SetupGone:
        trouble = _("This page was older than ten minutes, or a new key was made. Scan the QR code below.")
        form = SetUpForm()
        setup, key = current_setup(request.session, person)
    uri, text = totp.provisioning_uri(key, person.username), totp.key_as_text(key)
    context = {
        "form": form,
        "setup": setup,
        "person": person,
        "trouble": trouble,
        "uri": uri,
        "qr": qr_svg(uri, _("QR code")),
        "key": " ".join(text[start : start + 4] for start in range(0, len(text), 4)),
    }
    return render(request, template, context | more, status=400 if form.is_bound or trouble else 200)


def _finish(request: SiteRequest, person: User, key: bytes, step: int) -> str:
    """Make the app of a confirmed key; the path where it goes on. Raises SetupGone, and SetUpMeanwhile where another was made since."""
    before = person.authenticator_apps.filter(confirmed=True).first()
    if (
        request.progress
        and before is not None
        and before != request.progress.holdings.app
        and before.disabled_at is None
    ):
        raise services.SetUpMeanwhile
    if request.session.pop_once(SETUP) is None:
        raise SetupGone
    with transaction.atomic():
        codes = services.set_up_app(person, key, last_used_step=step, instead_of=before, actor=person)
        keep_unsaved(request.session, person, codes)
        request.session.pop(NEXT_CODES, None)
        login.add_proof(request.session, Proof(Method.TOTP, time()))
        if request.progress:
            return steps.step_done(request, person)
        request.session.save_now()
        return resolve_url("own_recovery_codes") + own_query(request)


def _setup_asked_for(request: SiteRequest, person: User) -> tuple[Setup, bytes]:
    """The secret that waits; when its code comes, only the one that was shown. Raises SetupGone."""
    if request.method != "POST":
        return current_setup(request.session, person)
    setup, key = waiting_setup(request.session, person)
    if setup.id != request.POST.get("setup"):
        raise SetupGone
    return setup, key


@login_step(Step.SET_UP_TWO_FACTOR)
@require_http_methods(["GET", "HEAD", "POST"])
def login_two_factor(request: ClaimantRequest) -> HttpResponse:
    """2FA is required and not set up: there is no way around this page."""
    return set_up_app(request, request.claimant, "login/setup/two-factor.html", counted=request.progress)


@login_step(Step.SAVE_RECOVERY_CODES)
@require_http_methods(["GET", "HEAD", "POST"])
def login_recovery_codes(request: ClaimantRequest) -> HttpResponse:
    """The new codes, until they are saved."""
    return show_codes(request, request.claimant, "login/setup/recovery-codes.html", counted=request.progress)


def show_codes(request: SiteRequest, person: User, template: str, **more: object) -> HttpResponse:
    """The codes that wait, and a box to tick; once ticked they are never shown again."""
    form = CodesSavedForm(request.POST if request.method == "POST" else None)
    codes = _waiting_codes(request.session, person)
    if form.is_valid() or not codes:
        request.session.pop(UNSAVED_CODES, None)
        there = steps.step_done(request, person) if request.progress else own_window(request)
        return HttpResponseRedirect(there)
    context = {"form": form, "codes": codes, "person": person} | more
    return render(request, template, context, status=400 if form.is_bound else 200)


@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def own_two_factor(request: SignedInRequest) -> HttpResponse:
    """Set up, or set up anew; the old app works until the new one is confirmed."""
    before = request.user.authenticator_apps.filter(confirmed=True).exists()
    return set_up_app(
        request, request.user, "user-settings/mfa/two-factor.html", before=before, back=own_window(request)
    )
