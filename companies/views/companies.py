"""Administration → Company, and the Settings app's first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts.models import Role, User
from accounts.people import end_company_sessions
from companies import services
from companies.forms import CompanyForm, CompanyOffForm
from companies.models import Company
from companies.queries import Coverage, companies_with_coverage, latest_events
from companies.services import Individuals
from mfa.forms import SignOutForm
from mfa.services import Sessions
from mfa.views.confirm import recently_proved
from mfa.window import Consequence

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

PAGE = 25


@never_cache
@require_safe
def overview(request: SignedInRequest) -> HttpResponse:
    """How well the actor's people are protected, and what waits."""
    people = User.objects.managed_by(request.user)
    companies = companies_with_coverage(Company.objects.managed_by(request.user))
    context = {"coverage": Coverage.of(people), "companies": companies[:6]}
    return render(request, "settings/index.html", context)


@never_cache
@require_safe
def company_list(request: SignedInRequest) -> HttpResponse:
    """The companies that the actor may manage."""
    words = request.GET.get("q", "")[:200].strip()
    companies = Company.objects.managed_by(request.user).search(words)
    page = Paginator(companies_with_coverage(companies), PAGE).get_page(request.GET.get("page", "1"))
    return render(request, "settings/administration/companies/list.html", {"page": page, "words": words})


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def company_new(request: SignedInRequest) -> HttpResponse:
    """Create a company; administrators only."""
    if request.user.role != Role.ADMINISTRATOR:
        raise PermissionDenied
    form = CompanyForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            services.create_company(form.instance, actor=request.user)
        except IntegrityError:
            form.add_error("name", _("Somebody else just took this name. Choose another."))
        else:
            messages.success(request, _("The company {name} is created.").format(name=form.instance.name))
            return redirect("settings:company", form.instance.pk)
    return _form_page(request, "settings/administration/companies/new.html", form)


@never_cache
@require_safe
def company(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """A company: its 2FA switch, how many of its people are set up, and what was done lately."""
    template, context, _here = company_page(request, company_id)
    return render(request, template, context)


def company_page(request: SignedInRequest, company_id: UUID) -> tuple[str, dict[str, Any], str]:
    """The company's page, as the page behind confirmations: template, context, address."""
    shown = _company(request, company_id)
    context = {
        "company": shown,
        "coverage": Coverage.of(shown.users.all()),
        "events": latest_events(shown),
    }
    address = reverse("settings:company", args=[company_id])
    return "settings/administration/companies/company.html", context, address


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def company_edit(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Change a company's name."""
    shown = _company(request, company_id)
    form = CompanyForm(
        request.POST if request.method == "POST" else None, instance=_company(request, company_id)
    )
    if form.is_valid():
        try:
            services.rename_company(shown, form.cleaned_data["name"], actor=request.user)
        except IntegrityError:
            form.add_error("name", _("Somebody else just took this name. Choose another."))
        else:
            messages.success(request, _("The company is called {name} now.").format(name=shown.name))
            return redirect("settings:company", company_id)
    return _form_page(request, "settings/administration/companies/edit.html", form, company=_company(request, company_id))


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_on(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say whom requiring 2FA will ask; then do it."""
    shown = _company(request, company_id)
    form = SignOutForm(request.POST)
    if request.method == "POST" and form.is_valid():
        services.enable_company_two_factor(shown, actor=request.user, sessions=_sessions(form))
        number = Coverage.of(shown.users.all()).asked
        text = ngettext(
            "{company} requires two-factor authentication. {number} user will be asked at the next login.",
            "{company} requires two-factor authentication. {number} users will be asked at their next login.",
            number,
        )
        messages.success(request, text.format(company=shown.name, number=number))
        return redirect("settings:company", company_id)
    coverage = Coverage.of(shown.users.all())
    lines = [
        Consequence(
            "wait",
            "clock",
            ngettext(
                "{number} user who has not set it up will be asked at the next login, and cannot get in without.",
                "{number} users who have not set it up will be asked at their next login, and cannot get in without.",
                coverage.not_set_up,
            ).format(number=coverage.not_set_up),
        ),
        Consequence(
            "ok",
            "shield-check",
            ngettext(
                "{number} user has set it up already; nothing changes there.",
                "{number} users have set it up already; nothing changes for them.",
                coverage.set_up,
            ).format(number=coverage.set_up),
        ),
        Consequence("", "users", _("It holds for future users of the company too.")),
    ]
    title = _("Switch on two-factor authentication for {company}?").format(company=shown.name)
    return _confirm(request, company_id, coverage, title=title, lines=lines, tone="primary")


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_off(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say who keeps 2FA and who is no longer asked; then do it."""
    shown = _company(request, company_id)
    form = CompanyOffForm(request.POST)
    coverage = Coverage.of(shown.users.all())
    if request.method == "POST" and form.is_valid():
        keep = form.cleaned_data["keep"]
        services.disable_company_two_factor(
            shown,
            actor=request.user,
            individuals=Individuals.KEEP_ASKING if keep else Individuals.STOP_ASKING,
            sessions=_sessions(form),
        )
        freed = coverage.not_set_up - (coverage.individually if keep else 0)
        text = ngettext(
            "{company} no longer requires two-factor authentication. {number} user is no longer asked.",
            "{company} no longer requires two-factor authentication. {number} users are no longer asked.",
            freed,
        )
        messages.success(request, text.format(company=shown.name, number=freed))
        return redirect("settings:company", company_id)
    lines = [
        Consequence(
            "ok",
            "shield-check",
            ngettext(
                "{number} user who has set it up keeps it.",
                "{number} users who have set it up keep it.",
                coverage.set_up,
            ).format(number=coverage.set_up),
        ),
        Consequence(
            "bad",
            "minus-circle",
            ngettext(
                "{number} user who has not set it up is no longer asked and signs in with user name and password.",
                "{number} users who have not set it up are no longer asked and sign in with user name and password.",
                coverage.not_set_up,
            ).format(number=coverage.not_set_up),
        ),
    ]
    keep_label = ""
    if coverage.individually:
        keep_label = ngettext(
            "Keep asking the {number} user switched on individually",
            "Keep asking the {number} users switched on individually",
            coverage.individually,
        ).format(number=coverage.individually)
    title = _("Switch off two-factor authentication for {company}?").format(company=shown.name)
    return _confirm(request, company_id, coverage, title=title, lines=lines, tone="danger", keep_label=keep_label)


@never_cache
@recently_proved
@require_http_methods(["GET", "HEAD", "POST"])
def company_sign_out(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """End all sessions of all people of a company."""
    shown = _company(request, company_id)
    if request.method == "POST":
        end_company_sessions(shown, actor=request.user)
        messages.success(request, _("All users of {company} are signed out.").format(company=shown.name))
        return redirect("settings:company", company_id)
    coverage = Coverage.of(shown.users.all())
    lines = [
        Consequence("bad", "arrow-left-start-on-rectangle", _sessions_end(coverage)),
        Consequence("", "key", _("They can sign in again right away.")),
    ]
    if shown.pk == request.user.company_id:
        lines.append(Consequence("wait", "user", _("You are one of them: you are signed out too.")))
    title = _("Sign out all users of {company} now?").format(company=shown.name)
    return _confirm(request, company_id, None, title=title, lines=lines, tone="danger")


def _sessions_end(coverage: Coverage) -> str:
    return ngettext(
        "Ends the sessions of the {number} user at once.",
        "Ends the sessions of all {number} users at once.",
        coverage.all,
    ).format(number=coverage.all)


def _confirm(
    request: SignedInRequest, company_id: UUID, coverage: Coverage | None, **context: object
) -> HttpResponse:
    """A confirmation over the company's page."""
    template, page, close = company_page(request, company_id)
    more = context | {
        "window_template": "components/confirm.html",
        "close": close,
        "action": request.path,
        "sign_out": _sessions_end(coverage) if coverage else "",
    }
    if request.htmx and request.htmx.request_type == "partial":
        return render(request, "components/confirm.html", more)
    return render(request, template, page | more)


def _form_page(request: SignedInRequest, template: str, form: CompanyForm, **context: object) -> HttpResponse:
    return render(request, template, {"form": form, **context}, status=400 if form.is_bound else 200)


def _company(request: SignedInRequest, company_id: UUID) -> Company:
    return get_object_or_404(Company.objects.managed_by(request.user), pk=company_id)


def _sessions(form: SignOutForm) -> Sessions:
    return Sessions.END if form.cleaned_data["sign_out"] else Sessions.GO_ON
