"""Pages for people who follow a link, or ask for one: password reset, invitation, a new address, "This wasn't me"."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.shortcuts import redirect, render, resolve_url
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from django.views.generic import FormView, TemplateView

from accounts import addresses, invitations, people
from accounts.after_response import RedirectThen
from accounts.forms import ChoosePasswordForm, ResetForm, too_many
from accounts.throttle import budgets, lanes
from accounts.throttle.budgets import wait

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

    from accounts.invitations import LinkTokens
    from accounts.models import User
    from accounts.requests import SiteRequest

OPENED = "set-password"  # in the address, where the token was; in the session, a trace of it


@login_not_required
@require_safe
def change_password(request: HttpRequest) -> HttpResponse:
    """Where password managers look for the page that changes a password (W3C, "A Well-Known URL for Changing Passwords")."""
    return redirect("password")


@method_decorator(login_not_required, name="dispatch")
class PasswordReset(FormView):  # type: ignore[type-arg]  # not subscriptable when it runs
    """Ask for a link by mail. The response is the same, and as quick, whether or not there is an account."""

    form_class = ResetForm
    http_method_names = ["get", "head", "post"]
    template_name = "password-reset/index.html"

    def form_valid(self, form: ResetForm) -> HttpResponse:
        """Respond first: the person is looked up, and written to, after the response has been sent."""
        try:
            budgets.claim(*lanes.address_lanes(kind="resets", free=20))
        except budgets.Throttled as trouble:
            form.add_error(None, too_many(trouble))
            return wait(self.form_invalid(form), trouble)
        return RedirectThen(
            resolve_url("password_reset_sent"), partial(invitations.send_reset, form.cleaned_data["email"])
        )

    def form_invalid(self, form: ResetForm) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=400)


@method_decorator(login_not_required, name="dispatch")
class PasswordResetSent(TemplateView):
    http_method_names = ["get", "head"]
    template_name = "password-reset/sent.html"


@method_decorator([login_not_required, sensitive_post_parameters()], name="dispatch")
class ChoosePassword(FormView):  # type: ignore[type-arg]  # the same
    """Choose a password by a link. It signs nobody in and touches no factor (ASVS 6.4.3).

    The token leaves the address bar before any page is shown; the session keeps only a trace of it.
    """

    form_class = ChoosePasswordForm
    http_method_names = ["get", "head", "post"]
    template_name = "password-reset/choose.html"
    tokens: LinkTokens = invitations.reset_tokens
    user: User | None
    open: bool
    elsewhere: bool  # was the link opened in another browser, as far as this one knows?

    def dispatch(self, request: HttpRequest, uidb64: str, token: str) -> HttpResponseBase:
        if (request.method or "").lower() not in self.http_method_names:
            return self.http_method_not_allowed(request)
        self.user, self.open = invitations.person_behind(uidb64), False
        if self.user and token != OPENED and self.tokens.check_token(self.user, token):
            request.session[OPENED] = self.tokens.trace(token)
            assert request.resolver_match  # every view has one
            return redirect(request.resolver_match.view_name, uidb64, OPENED)
        self.elsewhere = token == OPENED and OPENED not in request.session
        if self.user and token == OPENED:
            self.open = self.tokens.knows(self.user, request.session.get(OPENED, ""))
        return super().dispatch(request) if self.open else self.gone()

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"user": self.user}

    def form_valid(self, form: ChoosePasswordForm) -> HttpResponse:
        try:
            people.change_password(form.user, form.cleaned_data["new_password1"], actor=form.user)
        except people.ChangedMeanwhile:
            return self.gone()
        self.request.session.flush()
        messages.success(self.request, _("Your password is saved. Sign in with it."))
        return redirect("login")

    def form_invalid(self, form: ChoosePasswordForm) -> HttpResponse:
        page = self.render_to_response(self.get_context_data(form=form), status=400)
        return wait(page, form.throttled) if form.throttled else page

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(**more) | {"validlink": True}

    def gone(self) -> HttpResponse:
        """A 404 that says what to do about a link that does not work, or no longer."""
        return self.render_to_response({"validlink": False, "elsewhere": self.elsewhere}, status=404)


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_address(request: SiteRequest, token: str) -> HttpResponse:
    """Make an address count. Following the link does nothing: mail scanners follow all of them."""
    try:
        if request.method != "POST":
            return render(request, "address/index.html", {"pending": addresses.read(token)})
        person = addresses.confirm(token)
    except addresses.Gone:
        return render(request, "address/index.html", status=404)
    except addresses.Taken:
        return render(request, "address/index.html", {"taken": True}, status=409)
    messages.success(request, _("{email} is confirmed, and in use from now on.").format(email=person.email))
    return redirect("user_settings" if request.user == person else "login")


@login_not_required
@require_safe
def link_in_a_sentence(request: HttpRequest, link: str) -> HttpResponse:
    """Redirect from a link with punctuation behind it to the link itself."""
    return redirect(f"/{link}")


class Invitation(ChoosePassword):
    """Choose the first password, by an invitation."""

    template_name = "invitation/choose.html"
    tokens = invitations.invitation_tokens
