"""The pages of the MFA window: one's own, or that of somebody one manages. The same views at two addresses.

`behind` says which page lies behind it (`page`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import Http404, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.guards import settings_app_for_others
from accounts.models import User
from accounts.people import ChangedMeanwhile
from accounts.permissions import Permission
from accounts.refusals import managed_or_404
from mfa import services
from mfa.forecast import requiring
from mfa.forms import SignOutForm
from mfa.seen import stakes
from mfa.services import Sessions
from mfa.step_up import confirmation_required
from mfa.window import consequences
from mfa.window.page import CONFIRMATION, Page, dialog, own_query
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from mfa.window.consequences import Consequence

    View = Callable[..., HttpResponse]

# What lies behind the window that is asked for.
Behind = Callable[["SignedInRequest"], Page]


def window_page(permission: Permission) -> Callable[[View], View]:
    """What all pages of the window have in common: other people's are in the Settings app, and htmx gets no page behind."""

    def decorate(view: View) -> View:
        return vary_on_headers("HX-Request")(settings_app_for_others(permission)(view))

    return decorate


def subject_of(request: SignedInRequest, user_id: UUID | None) -> User:
    """Whose window this is: one's own, or someone's one may manage, else 404."""
    people = User.objects.get_queryset().select_related("company", "two_factor_changed_by")
    if user_id is None:
        return people.get(pk=request.user.pk)
    person = managed_or_404(request, people.managed_by(request.user), user_id)
    if person.erased_at:
        raise Http404
    return person


def _address(request: SignedInRequest, user_id: UUID | None) -> str:
    """The address of the window about the same person."""
    assert request.resolver_match  # every view has one
    kwargs = {"user_id": user_id} if user_id else {}
    return reverse(f"{request.resolver_match.namespace}:window", kwargs=kwargs)


def show(
    request: SignedInRequest, template: str, behind: Behind, user_id: UUID | None, status: int = 200, **context: Any
) -> HttpResponse:
    """Draw the window, or what takes its place; its addresses carry on the query of the page behind."""
    here, query = _address(request, user_id), own_query(request)
    context |= {"here": here, "back": here + query, "query": query}
    return dialog(request, behind(request), template, context, status=status)


def confirm(request: SignedInRequest, behind: Behind, user_id: UUID | None, shown: Window, **more: Any) -> HttpResponse:
    """A confirmation in the window's place; "Cancel" leads back to it."""
    context: dict[str, Any] = {"window": shown, "tone": "danger", "action": request.get_full_path()} | more
    return show(request, CONFIRMATION, behind, user_id, **context)


def confirm_loss(
    request: SignedInRequest, behind: Behind, user_id: UUID | None, lines: list[Consequence], shown: Window, **more: Any
) -> HttpResponse:
    """One of giving a factor up: it carries the word for what is at stake. A form that was sent was an older page's."""
    older = request.method == "POST"
    lines = [consequences.of_an_older_page(), *lines] if older else lines
    more |= {"lines": lines, "seen": stakes(shown.subject), "status": 400 if older else 200}
    return confirm(request, behind, user_id, shown, **more)


def done(request: SignedInRequest, user_id: UUID | None, text: str) -> HttpResponse:
    """Back to the window, which says what happened."""
    messages.success(request, text)
    return back_to_window(request, user_id)


def back_to_window(request: SignedInRequest, user_id: UUID | None) -> HttpResponse:
    return HttpResponseRedirect(_address(request, user_id) + own_query(request))


@window_page(Permission.LOOK)
@require_safe
def window(request: SignedInRequest, behind: Behind, user_id: UUID | None = None) -> HttpResponse:
    """The window itself."""
    shown = Window(subject_of(request, user_id), request.user)
    title = _("Multi-factor authentication")
    title = title if shown.own else f"{title}, {shown.subject.get_full_name()}"
    return show(request, "mfa/window.html", behind, user_id, window=shown, title=title)


@window_page(Permission.USER_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_on(request: SignedInRequest, behind: Behind, user_id: UUID | None = None) -> HttpResponse:
    """Say what switching 2FA on will mean; then do it."""
    shown = Window(subject_of(request, user_id), request.user)
    form = SignOutForm(request.POST)
    if request.method == "POST" and form.is_valid():
        services.enable_two_factor(shown.subject, actor=request.user, sessions=_sessions(form))
        told = shown.said(
            _("You will be asked to set up two-factor authentication at the next login."),
            _("{name} will be asked to set up two-factor authentication at the next login."),
        )
        if shown.app is not None:
            told = shown.said(
                _("Two-factor authentication is switched on for you."),
                _("Two-factor authentication is switched on for {name}."),
            )
        elif stuck := shown.stuck(requiring(shown.circumstances)):
            on = shown.said(
                _("Two-factor authentication is switched on for you."),
                _("Two-factor authentication is switched on for {name}."),
            )
            told = f"{on} {stuck}"
        return done(request, user_id, told)
    title = shown.said(
        _("Switch on two-factor authentication?"),
        _("Switch on two-factor authentication for {full}?"),
        full=shown.subject.get_full_name(),
    )
    return confirm(
        request,
        behind,
        user_id,
        shown,
        title=title,
        lines=consequences.of_switching_on(shown),
        tone="primary",
        sign_out=shown.sessions_end if shown.sessions else "",
    )


@window_page(Permission.USER_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_off(request: SignedInRequest, behind: Behind, user_id: UUID | None = None) -> HttpResponse:
    """Say what switching 2FA off will mean for this person; then do it."""
    shown = Window(subject_of(request, user_id), request.user)
    form = SignOutForm(request.POST)
    if request.method == "POST" and form.is_valid():
        told, seen = _switched_off(shown), request.POST.get("seen")
        try:
            services.disable_two_factor(shown.subject, actor=request.user, sessions=_sessions(form), seen=seen)
        except services.RequiredByCompany:
            text = _("{company} requires two-factor authentication. You can set it up anew, but not switch it off.")
            messages.error(request, shown.said(text, text))
            return back_to_window(request, user_id)
        except services.RequiredForSettings:
            text = _(
                "Everybody who opens the Settings app uses two-factor authentication or a passkey. Create a passkey first."
            )
            messages.error(request, text)
            return back_to_window(request, user_id)
        except ChangedMeanwhile:
            shown = Window(subject_of(request, user_id), request.user)
        else:
            return done(request, user_id, told)
    title = shown.said(
        _("Switch off two-factor authentication?"),
        _("Switch off two-factor authentication for {full}?"),
        full=shown.subject.get_full_name(),
    )
    return confirm_loss(
        request,
        behind,
        user_id,
        consequences.of_switching_off(shown),
        shown,
        title=title,
        tone="danger" if shown.app is not None else "primary",
        sign_out=shown.sessions_end if shown.sessions else "",
    )


def _switched_off(shown: Window) -> str:
    """What happened, in the light of what there was before."""
    had_app = shown.app is not None
    if stuck := shown.stuck(shown.once_off):
        text = _("Two-factor authentication was switched off for {name}.")
        return f"{shown.said(text, text)} {stuck}"
    if shown.subject.required_by_company:
        removed = _("Removed. {company} requires it: {name} will be asked to set it up at the next login.")
        asked = _("{company} requires it: {name} will be asked to set it up at the next login.")
        return shown.said("", removed if had_app else asked)
    if shown.demanded and not shown.usable_passkeys:
        text = _(
            "Everybody who opens the Settings app needs it, or a passkey: {name} will be asked to set it up at the next login."
        )
        return shown.said(text, text)
    if shown.demanded and had_app:
        text = _(
            "Two-factor authentication is off. A passkey is needed to sign in, alone or after user name and password."
        )
        return shown.said(text, text)
    if had_app:
        return shown.said(
            _("Two-factor authentication is off. User name and password are enough again."),
            _("Two-factor authentication is off for {name}. User name and password are enough again."),
        )
    return shown.said(
        _("You will no longer be asked to set up two-factor authentication."),
        _("{name} will no longer be asked to set up two-factor authentication."),
    )


def _sessions(form: SignOutForm) -> Sessions:
    return Sessions.END if form.cleaned_data["sign_out"] else Sessions.GO_ON
