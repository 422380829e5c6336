"""Pages about people as such: one's own settings and password, password reset, invitation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import SESSION_KEY, update_session_auth_hash
from django.contrib.auth import views as auth_views
from django.contrib.auth.decorators import login_not_required
from django.db import IntegrityError
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from accounts import links, notices, people, places
from accounts.acting import current_key
from accounts.forms import ChangePasswordForm, ChoosePasswordForm, ProfileForm, ResetForm
from accounts.invitations import invitation_tokens, reset_tokens
from accounts.models import User

if TYPE_CHECKING:
    from django.contrib.auth.tokens import PasswordResetTokenGenerator
    from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
    from django.http.response import HttpResponseBase

    from accounts.requests import SignedInRequest, SiteRequest


def settings_page(request: SignedInRequest) -> tuple[str, dict[str, Any], str]:
    """User settings, as the page behind the MFA window: template, context, address."""
    form = ProfileForm(instance=User.objects.get(pk=request.user.pk), languages=settings.LANGUAGES)
    return (
        "user-settings/index.html",
        {"form": form, "places": places.places_of(request.user)},
        str(reverse_lazy("user_settings")),
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def user_settings(request: SignedInRequest) -> HttpResponse:
    """One's own profile, and the way to password and MFA."""
    template, context, here = settings_page(request)
    if request.method != "POST":
        return render(request, template, context)
    person = User.objects.select_related("company").get(pk=request.user.pk)
    form = ProfileForm(request.POST, instance=person, languages=settings.LANGUAGES)
    if form.is_valid():
        try:
            people.change_user(person, changed=form.changed_data, actor=request.user)
        except IntegrityError:
            form.taken_meanwhile()
        else:
            messages.success(request, _("Your profile is saved."))
            return redirect(here)
    return render(request, template, context | {"form": form}, status=400)


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: SignedInRequest) -> HttpResponse:
    """Change one's own password; all other sessions end."""
    person = User.objects.get(pk=request.user.pk)
    form = ChangePasswordForm(person, request.POST if request.method == "POST" else None)
    if form.is_valid():
        here = current_key()
        people.change_password(person, form.cleaned_data["new_password1"], actor=request.user, here=here)
        update_session_auth_hash(request, person)
        messages.success(request, _("Your password is changed. Everywhere else you are signed out."))
        return redirect("user_settings")
    return render(request, "user-settings/password.html", {"form": form}, status=400 if form.is_bound else 200)


class PasswordReset(auth_views.PasswordResetView):
    """Ask for a link by mail. The answer is the same whoever has or has no account."""

    form_class = ResetForm
    http_method_names = ["get", "head", "post"]
    template_name = "password-reset/index.html"
    email_template_name = "mail/password-reset.txt"
    html_email_template_name = "mail/password-reset.html"
    subject_template_name = "mail/password-reset-subject.txt"
    success_url = reverse_lazy("password_reset_sent")
    token_generator = reset_tokens
    extra_email_context = {"base_url": settings.BASE_URL}

    def form_invalid(self, form: ResetForm) -> HttpResponse:  # type: ignore[override]
        return self.render_to_response(self.get_context_data(form=form), status=400)


@method_decorator(login_not_required, name="dispatch")
class PasswordResetSent(auth_views.PasswordResetDoneView):
    template_name = "password-reset/sent.html"


@method_decorator(login_not_required, name="dispatch")
class ChoosePassword(auth_views.PasswordResetConfirmView):
    """Choose a password by a link. It signs nobody in and touches no factor (ASVS 6.4.3)."""

    form_class = ChoosePasswordForm
    template_name = "password-reset/choose.html"
    success_url = reverse_lazy("login")
    token_generator: PasswordResetTokenGenerator = reset_tokens
    post_reset_login = False
    http_method_names = ["get", "head", "post"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if (request.method or "").lower() not in self.http_method_names:
            return self.http_method_not_allowed(request)
        return super().dispatch(request, *args, **kwargs)

    def form_valid(self, form: ChoosePasswordForm) -> HttpResponseRedirect:  # type: ignore[override]
        people.change_password(form.user, form.cleaned_data["new_password1"], actor=form.user)
        self.request.session.flush()
        messages.success(self.request, _("Your password is saved. Sign in with it."))
        return redirect(self.success_url)

    def form_invalid(self, form: ChoosePasswordForm) -> HttpResponse:  # type: ignore[override]
        return self.render_to_response(self.get_context_data(form=form), status=400)

    def render_to_response(self, context: dict[str, Any], **options: Any) -> HttpResponse:
        """The page; a link that is none, or no longer one, is a 404."""
        return super().render_to_response(context, **({} if self.validlink else {"status": 404}), **options)

    def get_user(self, uidb64: str) -> User | None:
        person = super().get_user(uidb64)
        return person if isinstance(person, User) and person.is_active else None


@never_cache
@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: SiteRequest, token: str) -> HttpResponse:
    """ "This wasn't me": the page says what will happen, and its button does it. Following the link does nothing."""
    claim = links.read(token)
    if claim is None:
        return render(request, "not-me/gone.html", status=404)
    headline = notices.headline(claim.event)
    if request.method != "POST":
        context = {"claim": claim, "headline": headline, "reported_at": people.reported_at(claim)}
        return render(request, "not-me/index.html", context)
    people.report_not_me(claim, about=str(headline))
    if request.session.get(SESSION_KEY) == str(claim.person.pk):
        request.session.flush()
    return redirect("not_me", token)


class Invitation(ChoosePassword):
    """Choose the first password, by an invitation."""

    template_name = "invitation/choose.html"
    token_generator = invitation_tokens
