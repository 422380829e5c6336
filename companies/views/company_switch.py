"""A company's 2FA switch and "Sign out now": each says what it will do, and does it once confirmed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.db.models import Exists, OuterRef
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.linked import with_links
from accounts.models import Session, User
from accounts.one_moment import one_moment
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies import services
from companies.forecast import of_releasing, of_requiring
from companies.forms import CompanyOffForm
from companies.listing.leads import people_of
from companies.listing.narrowed import kept_out
from companies.listing.numbers import numbers_for
from companies.queries import Coverage, asked_alone
from companies.services import Individuals, end_company_sessions
from companies.views.companies import company_page, coverage_of, find_company
from companies.views.forecast import rows_of, rows_of_release
from mfa.forecast import Outcome
from mfa.forms import SignOutForm
from mfa.services import Sessions
from mfa.step_up import confirmation_required
from mfa.window.consequences import Consequence
from mfa.window.page import confirmation

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from companies.listing.numbers import Numbers
    from companies.models import Company
    from companies.services import Thrown

LOOKED_UP = 1000  # people whose sessions are looked for
NAMED = 10  # people whose own switch goes off, by name; of the others their number


@settings_app(Permission.COMPANY_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_on(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say who will be asked to set up 2FA; then require it."""
    shown = find_company(request, company_id)
    form = SignOutForm(request.POST)
    if request.method == "POST" and form.is_valid():
        try:
            budgets.claim(*lanes.actor_lanes("mails", request.user))
        except budgets.Throttled as trouble:
            messages.error(request, too_many(trouble))
            return redirect("settings:company", company_id)
        thrown = services.enable_company_two_factor(shown, actor=request.user, sessions=_sessions(form))
        messages.success(request, _required(request, shown))
        return _to_what_follows(thrown, company_id)
    return _ask_on(request, shown)


@one_moment()
def _required(request: SignedInRequest, shown: Company) -> str:
    """What the next login does with the company's people, now that it is required."""
    out = kept_out(request.user, numbers_for(request.user, shown), shown).total()
    asked = coverage_of(request, shown).asked - out
    text = ngettext(
        "{company} requires two-factor authentication. {number} user will be asked at the next login.",
        "{company} requires two-factor authentication. {number} users will be asked at their next login.",
        asked,
    )
    outside = ngettext(
        "{number} cannot get in at the next login before an access pass is given.",
        "{number} cannot get in at their next login before an access pass is given to each.",
        out,
    )
    said = text.format(company=shown.name, number=asked)
    return f"{said} {outside.format(number=out)}" if out else said


@one_moment()
def _ask_on(request: SignedInRequest, shown: Company) -> HttpResponse:
    numbers = numbers_for(request.user, shown)
    forecast = of_requiring(shown, numbers, viewer=request.user)
    title = _("Switch on two-factor authentication for {company}?").format(company=shown.name)
    return _ask(
        request,
        shown,
        Coverage.of(numbers),
        title=title,
        lines=[],
        forecast=rows_of(forecast, shown),
        nobody_is_stuck=not forecast.left.count(Outcome.STUCK),
        tone="primary",
    )


@settings_app(Permission.COMPANY_RULE)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def two_factor_off(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """Say who keeps 2FA and who is no longer asked; then switch it off."""
    shown = find_company(request, company_id)
    form = CompanyOffForm(request.POST)
    if request.method == "POST" and form.is_valid():
        with one_moment():
            release = of_releasing(shown, numbers_for(request.user, shown), viewer=request.user)
        keep = form.cleaned_data["keep"]
        thrown = services.disable_company_two_factor(
            shown,
            actor=request.user,
            individuals=Individuals.KEEP_ASKING if keep else Individuals.STOP_ASKING,
            sessions=_sessions(form),
        )
        freed = release.freed(keeping=keep)
        text = ngettext(
            "{company} no longer requires two-factor authentication. {number} user is no longer asked.",
            "{company} no longer requires two-factor authentication. {number} users are no longer asked.",
            freed,
        )
        if thrown.follows:
            text = _(
                "{company} no longer requires two-factor authentication. Personal switches go off one after the other: "
                "until its turn comes, a person is asked still."
            )
        if not thrown.changed:
            text = _("{company} does not require two-factor authentication. Nothing was changed.")
        messages.success(request, text.format(company=shown.name, number=freed))
        return _to_what_follows(thrown, company_id)
    return _ask_off(request, shown)


@one_moment()
def _ask_off(request: SignedInRequest, shown: Company) -> HttpResponse:
    numbers = numbers_for(request.user, shown)
    release = of_releasing(shown, numbers, viewer=request.user)
    coverage, keep_label = Coverage.of(numbers), ""
    if coverage.individually:
        text = ngettext(
            "Keep asking the {number} user switched on individually",
            "Keep asking the {number} users switched on individually",
            coverage.individually,
        )
        keep_label = with_links(text, number=people_of(shown).number(coverage.individually, "own_switch"))
    title = _("Switch off two-factor authentication for {company}?").format(company=shown.name)
    return _ask(
        request,
        shown,
        coverage,
        title=title,
        lines=[],
        forecast=rows_of_release(release, shown),
        nobody_is_stuck=not release.left.count(Outcome.STUCK),
        tone="primary",
        keep_label=keep_label,
        own_switches=_own_switches(request, shown, numbers) if keep_label else "",
    )


def _own_switches(request: SignedInRequest, shown: Company, numbers: Numbers) -> str:
    """Whose own switch goes off, by name."""
    named = [person.get_full_name() for person in asked_alone(shown, numbers, request.user, NAMED)]
    if Coverage.of(numbers).individually > len(named):
        named.append(_("others"))
    names = _("{first} and {last}").format(first=", ".join(named[:-1]), last=named[-1]) if named[1:] else named[0]
    return ngettext(
        "Otherwise the personal switch of {names} goes off too.",
        "Otherwise the personal switches of {names} go off too.",
        len(named),
    ).format(names=names)


@settings_app(Permission.COMPANY_SIGN_OUT)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def company_sign_out(request: SignedInRequest, company_id: UUID) -> HttpResponse:
    """End all sessions of all people of a company."""
    shown = find_company(request, company_id)
    if request.method == "POST":
        end_company_sessions(shown, actor=request.user)
        messages.success(request, _("All users of {company} are signed out.").format(company=shown.name))
        return redirect("settings:company", company_id)
    coverage = coverage_of(request, shown)
    is_in = _somebody_is_in(company_id, coverage)
    ends = _sessions_end(coverage, shown) if is_in else _("Nobody of this company is signed in.")
    lines = [
        Consequence("bad" if is_in else "", "arrow-left-start-on-rectangle", ends),
        Consequence("", "key", _("They can sign in again right away.")),
    ]
    if shown.pk == request.user.company_id:
        lines.append(Consequence("wait", "user", _("You are one of them: you are signed out too.")))
    title = _("Sign out all users of {company} now?").format(company=shown.name)
    tone = "danger" if is_in else "primary"
    return confirmation(request, company_page(request, company_id), title, lines, tone=tone)


def _sessions_end(coverage: Coverage, shown: Company) -> str:
    text = ngettext(
        "Ends the sessions of the {number} user at once.",
        "Ends the sessions of all {number} users at once.",
        coverage.all,
    )
    return with_links(text, number=people_of(shown).number(coverage.all))


def _ask(request: SignedInRequest, shown: Company, coverage: Coverage, **context: Any) -> HttpResponse:
    """The confirmation over the company's page, with "Sign out now" where somebody is signed in."""
    context["sign_out"] = _sessions_end(coverage, shown) if _somebody_is_in(shown.pk, coverage) else ""
    return confirmation(request, company_page(request, shown.pk), **context)


def _to_what_follows(thrown: Thrown, company_id: UUID) -> HttpResponse:
    """How far the work is that goes on in the background, else the company."""
    if thrown.follows:
        return redirect("settings:bulk_run", thrown.follows.pk)
    return redirect("settings:company", company_id)


def _somebody_is_in(company_id: UUID, coverage: Coverage) -> bool:
    """Of few people their sessions are looked for; of many, whose the sessions are: one of theirs comes soon."""
    live = Session.objects.live()
    if coverage.all <= LOOKED_UP:
        return live.filter(user__company=company_id).exists()
    return live.filter(Exists(User.objects.filter(pk=OuterRef("user"), company=company_id))).exists()


def _sessions(form: SignOutForm) -> Sessions:
    return Sessions.END if form.cleaned_data["sign_out"] else Sessions.GO_ON
