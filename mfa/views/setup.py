"""Setting up an authenticator app and saving recovery codes: as steps of the login, and in one's own window.

The secret is made here and kept sealed in the session, for ten minutes, until
a code confirms it; only then is it the person's app. Recovery codes wait there
in the same way until their owner says that they are saved.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from functools import partial
from secrets import token_urlsafe
from time import time
from typing import TYPE_CHECKING

from django.db import transaction
from django.http import HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts import login
from accounts.clock import is_ahead
from accounts.models import User
from mfa import services
from mfa.flow import advance, counted, login_step
from mfa.forms import CodesSavedForm, SetUpForm
from mfa.methods import totp
from mfa.policy import Method, Step
from mfa.qr import qr_svg
from mfa.queries import NEXT_CODES, UNSAVED_CODES
from mfa.sealing import Purpose, Unreadable, seal, unseal
from mfa.views import back
from mfa.views.confirm import recently_proved

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.sessions.backends.base import SessionBase
    from django.http import HttpResponse

    from accounts.requests import SignedInRequest, SiteRequest
    from accounts.sessions import SessionStore

SETUP = "app_setup"
SETUP_SECONDS = 600


@dataclass(frozen=True)
class Setup:
    """A secret on its way into an app. `id` tells it from one that came before or after it."""

    id: str
    sealed_key: str
    at: float


class SetupGone(Exception):
    """There is no set-up to confirm: it was done, is older than ten minutes, or has a new key."""


def current_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """The secret that waits, so that a page that is opened again shows the same one; a new one where none does."""
    try:
        return waiting_setup(session, person)
    except SetupGone:
        return begin_setup(session, person)


def begin_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """A new secret in the session, in place of any that waited there."""
    key = totp.new_key()
    setup = Setup(token_urlsafe(8), b64encode(seal(key, person.pk, Purpose.PENDING_APP)).decode(), time())
    session[SETUP] = asdict(setup)
    return setup, key


def waiting_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """The secret that waits, for ten minutes. Raises SetupGone."""
    kept = session.get(SETUP)
    setup = Setup(**kept) if kept else None
    if setup is None or time() - setup.at > SETUP_SECONDS or is_ahead(setup.at):
        raise SetupGone
    try:
        return setup, unseal(b64decode(setup.sealed_key), person.pk, Purpose.PENDING_APP)
    except Unreadable as trouble:
        raise SetupGone from trouble


def keep_codes(session: SessionBase, person: User, codes: list[str]) -> None:
    """Let `codes` wait in the session, sealed, until their owner has saved them."""
    session[UNSAVED_CODES] = b64encode(seal(json.dumps(codes).encode(), person.pk, Purpose.UNSAVED_CODES)).decode()


def waiting_codes(session: SessionStore, person: User) -> list[str]:
    """The codes that wait to be saved, none where none do; new ones where the key that sealed them is gone."""
    sealed = session.get(UNSAVED_CODES)
    if not sealed or not person.authenticator_apps.exists():
        return []
    try:
        codes: list[str] = json.loads(unseal(b64decode(sealed), person.pk, Purpose.UNSAVED_CODES))
    except Unreadable:
        return new_codes(session, person)
    return codes


@transaction.atomic
def new_codes(session: SessionStore, person: User) -> list[str]:
    """Ten codes in place of all earlier ones, which wait to be saved."""
    codes = services.make_recovery_codes(person, actor=person)
    keep_codes(session, person, codes)
    login.settle(session)
    return codes


def set_up_app(
    request: SiteRequest, person: User, template: str, done: Callable[[], str], **more: object
) -> HttpResponse:
    """The page with QR code and key. A right code makes the app, and `done` says where to go on."""
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
                return HttpResponseRedirect(_finish(request, person, key, step, done))
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


def _finish(request: SiteRequest, person: User, key: bytes, step: int, done: Callable[[], str]) -> str:
    """Make the app of a confirmed key. Raises SetupGone, and SetUpMeanwhile where another was made since."""
    before = person.authenticator_apps.filter(confirmed=True).first()
    if request.claimant.is_authenticated and before is not None and before.disabled_at is None:
        raise services.SetUpMeanwhile
    if login.take(request.session, SETUP) is None:
        raise SetupGone
    with transaction.atomic():
        codes = services.set_up_app(person, key, last_used_step=step, instead_of=before, actor=person)
        keep_codes(request.session, person, codes)
        request.session.pop(NEXT_CODES, None)
        login.prove(request, Method.TOTP)
        there = done()
        login.settle(request.session)
        return there


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
def login_two_factor(request: SiteRequest) -> HttpResponse:
    """2FA is required and not set up: there is no way around this page."""
    person = request.claimant
    assert isinstance(person, User)  # login_step opens to claimants only
    done = partial(advance, request, person)
    return set_up_app(request, person, "login/setup/two-factor.html", done, counted=counted(request))


@login_step(Step.SAVE_RECOVERY_CODES)
@require_http_methods(["GET", "HEAD", "POST"])
def login_recovery_codes(request: SiteRequest) -> HttpResponse:
    """The new codes, until they are saved."""
    person = request.claimant
    assert isinstance(person, User)  # login_step opens to claimants only
    done = partial(advance, request, person)
    return show_codes(request, person, "login/setup/recovery-codes.html", done, counted=counted(request))


def show_codes(
    request: SiteRequest, person: User, template: str, done: Callable[[], str], **more: object
) -> HttpResponse:
    """The codes that wait, and a box to tick; once ticked they are never shown again."""
    form = CodesSavedForm(request.POST if request.method == "POST" else None)
    codes = waiting_codes(request.session, person)
    if form.is_valid() or not codes:
        request.session.pop(UNSAVED_CODES, None)
        return HttpResponseRedirect(done())
    context = {"form": form, "codes": codes, "person": person} | more
    return render(request, template, context, status=400 if form.is_bound else 200)


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def own_two_factor(request: SignedInRequest) -> HttpResponse:
    """Set up, or set up anew; the old app works until the new one is confirmed."""
    before = request.user.authenticator_apps.filter(confirmed=True).exists()
    return set_up_app(
        request,
        request.user,
        "user-settings/mfa/two-factor.html",
        lambda: resolve_url("own_recovery_codes") + back.query(request),
        before=before,
        back=back.own_window(request),
    )
