"""The passkey section of the MFA window: ask for one, stop asking, delete one, rename one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authorization import LastAdministrator
from accounts.people import ChangedMeanwhile
from accounts.permissions import Permission
from accounts.refusals import managed_or_404
from mfa import services
from mfa.forms import PasskeyNameForm
from mfa.step_up import confirmation_required
from mfa.window import consequences
from mfa.window.sentences import Window
from mfa.window.views import back_to_window, confirm_loss, done, show, subject_of, window_page

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from mfa.window.views import Behind


@window_page(Permission.PASSKEY_REQUEST)
@confirmation_required
@require_POST
def passkey_request(request: SignedInRequest, behind: Behind, user_id: UUID | None = None) -> HttpResponse:
    """Ask for a passkey at the next login; where somebody asked already, say who and when."""
    shown = Window(subject_of(request, user_id), request.user)
    if services.request_passkey(shown.subject, actor=request.user):
        asked = shown.said(
            _("You will be asked to create a passkey at the next login."),
            _("{name} will be asked to create a passkey at the next login."),
        )
        if stuck := shown.stuck(shown.circumstances):
            created = shown.said(_("You are asked to create a passkey."), _("{name} is asked to create a passkey."))
            asked = f"{created} {stuck}"
        return done(request, user_id, asked)
    messages.info(request, _("A request is open already. {details}").format(details=shown.passkeys_in_words))
    return back_to_window(request, user_id)


@window_page(Permission.PASSKEY_REQUEST)
@confirmation_required
@require_POST
def passkey_request_delete(request: SignedInRequest, behind: Behind, user_id: UUID | None = None) -> HttpResponse:
    """Stop asking for a passkey."""
    shown = Window(subject_of(request, user_id), request.user)
    if services.delete_passkey_request(shown.subject, actor=request.user):
        return done(
            request,
            user_id,
            shown.said(
                _("The request is deleted. You will no longer be asked for a passkey."),
                _("The request is deleted. {name} will no longer be asked for a passkey."),
            ),
        )
    messages.info(request, _("No request was open."))
    return back_to_window(request, user_id)


@window_page(Permission.PASSKEY_DELETE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def passkey_delete(
    request: SignedInRequest, passkey_id: UUID, behind: Behind, user_id: UUID | None = None
) -> HttpResponse:
    """Say what deleting one passkey will mean for this person; then do it."""
    shown = Window(subject_of(request, user_id), request.user)
    passkey = managed_or_404(request, shown.subject.passkeys.all(), passkey_id)
    if passkey == shown.kept_passkey:
        return _stays(request, shown)
    if request.method == "POST":
        try:
            services.delete_passkey(passkey, actor=request.user, seen=request.POST.get("seen"))
        except (services.RequiredByCompany, services.RequiredForSettings):  # by now
            return _stays(request, shown)
        except LastAdministrator:
            text = _("This passkey stays: without it, nobody who administers m2v could sign in.")
            messages.error(request, text)
            return back_to_window(request, user_id)
        except ChangedMeanwhile:
            shown = Window(subject_of(request, user_id), request.user)
        else:
            return done(request, user_id, _("The passkey “{passkey}” is deleted.").format(passkey=passkey.name))
    title = _("Delete passkey “{passkey}”?").format(passkey=passkey.name)
    return confirm_loss(request, behind, user_id, consequences.of_deleting(shown, passkey), shown, title=title)


def _stays(request: SignedInRequest, shown: Window) -> HttpResponse:
    """Say which rule demands the last factor, and what to set up first."""
    text = _("{company} requires two-factor authentication. Set up an authenticator app first.")
    if not shown.subject.required_by_company:
        text = _(
            "Everybody who opens the Settings app uses two-factor authentication or a passkey. Set up an authenticator app or another passkey first."
        )
    messages.error(request, shown.said(text, text))
    return back_to_window(request, None)


@window_page(Permission.OWN)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def passkey_rename(
    request: SignedInRequest, passkey_id: UUID, behind: Behind, user_id: UUID | None = None
) -> HttpResponse:
    """Give one of one's own passkeys another name."""
    shown = Window(subject_of(request, None), request.user)
    passkey = managed_or_404(request, shown.subject.passkeys.all(), passkey_id)
    before = passkey.name
    form = PasskeyNameForm(request.POST if request.method == "POST" else None, instance=passkey)
    if form.is_valid():
        name = form.cleaned_data["name"]
        passkey.name = before
        try:
            services.rename_passkey(passkey, name, actor=request.user, seen=before)
        except ChangedMeanwhile:  # between the look at the form and the lock
            form = PasskeyNameForm(request.POST, instance=shown.subject.passkeys.get(pk=passkey.pk))
        else:
            return done(request, None, _("The passkey is now called “{passkey}”.").format(passkey=name))
    status = 400 if form.is_bound else 200
    title = _("Rename passkey “{passkey}”").format(passkey=before)
    # "form" is the page's behind.
    return show(request, "mfa/rename.html", behind, None, status, window=shown, naming=form, title=title)
