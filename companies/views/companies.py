"""Administration → Company, and the Settings app's first page."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import IntegrityError
from django.http import QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.guards import settings_app
from accounts.one_moment import one_moment
from accounts.people import ChangedMeanwhile
from accounts.permissions import Permission
from accounts.refusals import fields_ignored, managed_or_404
from companies import services
from companies.forecast import Change, counts_of_requiring
from companies.forms import CompanyForm
from companies.listing.kinds import Chip
from companies.listing.leads import people_of
from companies.listing.numbers import numbers_for
from companies.listing.pages import PAGE_SIZE
from companies.listing.people import UserList
from companies.models import Company
from companies.overview import Overview
from companies.queries import Coverage, count_people, latest_events
from companies.snapshots.reading import Past
from mfa.forecast import Outcome
from mfa.step_up import confirmation_required
from mfa.window.page import Page

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SignedInRequest
    from companies.forecast import Forecast
    from companies.listing.leads import Leads

SUGGESTED = 20


@settings_app(Permission.LOOK)
@require_safe
@one_moment()
def overview(request: SignedInRequest) -> HttpResponse:
    """How well the actor's people are protected, and what is left to do."""
    return overview_page(request).draw(request)


def overview_page(request: SignedInRequest) -> Page:
    """The overview, to be drawn behind confirmations."""
    return Page("settings/index.html", reverse("settings:home"), partial(_overview, request.user))


def _overview(viewer: User) -> dict[str, Any]:
    """What the overview shows."""
    shown = Overview(viewer)
    return {
        "overview": shown,
        "administrators": shown.administrators,
        "coverage": shown.coverage,
        "leads": people_of(None),
        "past": shown.past,
    }


@settings_app(Permission.LOOK)
@require_safe
def company_names(request: SignedInRequest) -> HttpResponse:
    """Companies to suggest while somebody types the name of one."""
    words = request.GET.get("company", "")[:200].strip()
    found = list(Company.objects.managed_by(request.user).search(words).order_by("name_folded")[:SUGGESTED])
    return render(request, "components/company-names.html", {"companies": found})


@settings_app(Permission.LOOK)
@require_safe
def company_list(request: SignedInRequest) -> HttpResponse:
    """The companies that the actor may manage."""
    words = request.GET.get("q", "")[:200].strip()
    companies = Company.objects.managed_by(request.user).search(words).order_by("name_folded")
    page = Paginator(companies, PAGE_SIZE).get_page(request.GET.get("page", "1"))
    page.object_list = count_people(page.object_list, request.user)
    rows = [(company, people_of(company)) for company in page.object_list]
    context = {"page": page, "words": words, "rows": rows}
    return render(request, "settings/administration/companies/list.html", context)


@settings_app(Permission.COMPANY_CREATE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_new(request: SignedInRequest) -> HttpResponse:
    """Create a company; administrators only."""
    form = CompanyForm(request.POST if request.method == "POST" else None)
    fields_ignored(request, form)
    if form.is_valid():
        try:
            services.create_company(form.instance, actor=request.user)
        except IntegrityError:
            form.add_error("name", _("This name was taken a moment ago. Choose another one."))
        else:
            messages.success(request, _("The company {name} is created.").format(name=form.instance.name))
            return redirect("settings:company", form.instance.pk)
    return _form_page(request, "settings/administration/companies/new.html", form)


@settings_app(Permission.LOOK)
@require_safe
def company(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """A company: its 2FA switch, how many of its people are set up, and what was done lately."""
    page = company_page(request, company_id)
    with one_moment():
        return page.draw(request)


def company_page(request: SignedInRequest, company_id: UUID) -> Page:
    """The company's page, to be drawn behind confirmations."""
    address = reverse("settings:company", args=[company_id])
    return Page("settings/administration/companies/company.html", address, partial(_shown, request, company_id))


def _shown(request: SignedInRequest, company_id: UUID) -> dict[str, Any]:
    """What a company's page shows."""
    shown = find_company(request, company_id)
    numbers = numbers_for(request.user, shown)
    context: dict[str, Any] = {"company": shown, "coverage": Coverage.of(numbers), "leads": people_of(shown)}
    if not shown.two_factor_enabled:
        context["once_on"] = OnceOn.of(counts_of_requiring(shown, numbers, viewer=request.user), context["leads"])
    context["left"] = left_in(shown, request.user) if context["coverage"].asked else None
    context["past"] = Past(request.user, context["coverage"], shown)
    context["events"] = latest_events(shown, request.user)
    return context


@dataclass(frozen=True)
class OnceOn:
    """How many people of a company would be asked at their next login, and how many kept outside; and the lists of them."""

    asked: int
    kept_out: int
    leads: Leads

    @classmethod
    def of(cls, forecast: Forecast, leads: Leads) -> OnceOn:
        return cls(forecast.left.count(Outcome.ASKED), forecast.left.count(Outcome.STUCK), leads)

    @property
    def list_of_asked(self) -> str:
        return self.leads.to(f"{Change.REQUIRED}.{Outcome.ASKED}")

    @property
    def list_of_kept_out(self) -> str:
        return self.leads.to(f"{Change.REQUIRED}.{Outcome.STUCK}")


def left_in(shown: Company, viewer: User) -> UserList:
    """The list of those who will be asked to set 2FA up, and have not yet."""
    return UserList(viewer, QueryDict(urlencode({"company": str(shown.pk), "show": Chip.ASKED})))


@settings_app(Permission.COMPANY_CHANGE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_edit(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Change a company's name."""
    shown = find_company(request, company_id)
    data = request.POST if request.method == "POST" else None
    form = CompanyForm(data, instance=find_company(request, company_id))
    fields_ignored(request, form)
    if form.is_valid():
        try:
            services.rename_company(shown, form.cleaned_data["name"], actor=request.user, seen=form.initial["name"])
        except IntegrityError:
            form.add_error("name", _("This name was taken a moment ago. Choose another one."))
        except ChangedMeanwhile:  # between the look at the form and the lock
            form = CompanyForm(data, instance=find_company(request, company_id))
        else:
            messages.success(request, _("The company is called {name} now.").format(name=shown.name))
            return redirect("settings:company", company_id)
    return _form_page(
        request, "settings/administration/companies/edit.html", form, company=find_company(request, company_id)
    )


def _form_page(request: SignedInRequest, template: str, form: CompanyForm, **context: object) -> HttpResponse:
    return render(request, template, {"form": form, **context}, status=400 if form.is_bound else 200)


def find_company(request: SignedInRequest, company_id: UUID) -> Company:
    return managed_or_404(request, Company.objects.managed_by(request.user), company_id)


def coverage_of(request: SignedInRequest, shown: Company) -> Coverage:
    """Coverage among the people of the company whom the actor manages, and whom an act would reach."""
    return Coverage.of(numbers_for(request.user, shown))
