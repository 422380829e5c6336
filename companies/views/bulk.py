"""Administration → User → an act on many: who they are, what it would do, then how far it is and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import Http404, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from accounts.authorization import NotPermitted
from accounts.background import NO_LONGER_KEPT
from accounts.forms import too_many
from accounts.guards import settings_app
from accounts.models import User
from accounts.one_moment import one_moment
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from companies import exports
from companies.bulk import choosing, running
from companies.bulk.acts import MASS_ACTS, WHY, Act, Why, acts_of
from companies.bulk.counts import as_it_is, count, once_off, once_required
from companies.bulk.following import ALL_ACTS
from companies.bulk.models import BulkOutcome, BulkPerson, BulkRun
from companies.forecast import Forecast
from companies.listing.leads import Leads
from companies.listing.people import UserList
from companies.views.back import list_query
from companies.views.bulk_effects import effects
from companies.views.exports import as_file
from mfa.forecast import Outcome
from mfa.step_up import confirmation_required

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest
    from companies.bulk.counts import Counts
    from companies.forecast import Outcomes

FORECASTS: dict[str, Callable[[Counts, BulkRun, User], Forecast | Outcomes]] = {
    "require": once_required,
    "stop": once_off,
    "request": as_it_is,
}
MOST_SKIPPED = 100  # of those who were skipped; the file has all


@settings_app(Permission.BULK)
@confirmation_required
@require_POST
def bulk_choose(request: SignedInRequest) -> HttpResponse:
    """The rows that were ticked in the list, or all whom its filter finds, and what is to be done."""
    name = _act_asked(request)
    if "everyone" in request.POST:
        found = UserList(request.user, request.GET)
        if found.finds_nobody:  # the list says why
            return HttpResponseRedirect(reverse("settings:users") + list_query(request))
        run = choosing.from_filter(found, name)
    else:
        run = choosing.from_ticked(request.user, name, request.POST.getlist("who"))
        if not run.total:
            messages.info(request, _("Tick the users first."))
            return HttpResponseRedirect(reverse("settings:users") + list_query(request))
    return redirect("settings:bulk_run", run.pk)


@settings_app(Permission.BULK)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_names(request: SignedInRequest) -> HttpResponse:
    """Paste names or addresses, and choose what is to be done."""
    trouble, text = "", request.POST.get("names", "")
    if request.method == "POST":
        name = _act_asked(request)
        try:
            run = choosing.from_pasted(request.user, name, text)
        except choosing.TooMany:
            trouble = _("These are more than {most}. Take them in parts, or import a file.").format(
                most=number_format(choosing.MOST_PASTED, force_grouping=True)
            )
        else:
            if run.total:
                return redirect("settings:bulk_run", run.pk)
            trouble = _("Enter user names or e-mail addresses.")
    context = {"trouble": trouble, "text": text, "acts": acts_of(request.user), "most": choosing.MOST_PASTED}
    page = "settings/administration/users/bulk-names.html"
    return render(request, page, context, status=400 if trouble else 200)


@settings_app(Permission.BULK)
@confirmation_required
@require_http_methods(["GET", "HEAD", "POST"])
def bulk_run(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    """What would happen, then how far it is, then what came of it. Where more people would be met by now than whoever confirms
    was shown, or others, it shows them first.
    """
    run = _find(request, run_id)
    if run.begun_at is not None:
        if request.method == "POST":
            running.go_on(run)
            return HttpResponseRedirect(_address(run))
        return _progress(request, run)
    act = _permitted(request, run.act)
    with one_moment():
        counts = count(run, request.user)
        then = FORECASTS[run.act](counts, run, request.user) if run.act in FORECASTS else None
    shown = _number(request.POST.get("shown", ""))
    grown = request.method == "POST" and counts.changes > shown
    others = request.method == "POST" and choosing.others_came(run, request.user)
    if others:
        choosing.count_anew(run, request.user)
    elif request.method == "POST" and counts.changes and not grown:
        if act.mails and (trouble := _over_budget(request)):
            messages.error(request, trouble)
            return HttpResponseRedirect(_address(run))
        signs_out = act.offers_sign_out and "sign_out" in request.POST
        running.begin(run, actor=request.user, total=counts.total, signs_out=signs_out)
        return HttpResponseRedirect(_address(run))
    leads = _leads(run)
    context = {
        "run": run,
        "act": act,
        "counts": counts,
        "shown": shown,
        "grown": grown,
        "others": others,
        "rows": effects(run.act, counts, then, replace(leads, only=(f"for.{run.act}",))),
        "nobody_is_stuck": isinstance(then, Forecast) and not then.left.count(Outcome.STUCK),
        **_led_to(run, counts),
        "unknown": run.people.filter(why=Why.UNKNOWN).order_by("pk")[: None if "all" in request.GET else MOST_SKIPPED],
        "back": _back(run),
    }
    page = "settings/administration/users/bulk-counts.html"
    return render(request, page, context, status=409 if grown or others else 200)


def _leads(run: BulkRun) -> Leads:
    """To the lists of the people of a run that waits: its filter's, or those who were chosen."""
    return Leads(run.asked if run.asked is not None else {"of": str(run.pk)})


def _led_to(run: BulkRun, counts: Counts) -> dict[str, Any]:
    """The list of whom it changes, and of whom it skips: all of them, and for each reason. Names that are nobody's are on the page."""
    leads, strangers = _leads(run), counts.left_out[Why.UNKNOWN]
    reasons = [each for each in counts.left_out.most_common() if each[0] is not Why.UNKNOWN]
    return {
        "changed": leads.to(f"for.{run.act}"),
        "skipped": counts.skips - strangers,
        "all_skipped": leads.to(f"not.{run.act}"),
        "left_out": [(number, WHY[why], leads.to(f"not.{run.act}.{why}")) for why, number in reasons],
        "strangers": strangers,
    }


@settings_app(Permission.BULK)
@confirmation_required
@require_POST
def bulk_stop(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    """Leave those who are left as they are."""
    run = _find(request, run_id)
    if running.stop(run):
        messages.success(request, _("It is stopped. What was done stays."))
    return HttpResponseRedirect(_address(run))


@settings_app(Permission.BULK)
@confirmation_required
@require_POST
def bulk_skipped(request: SignedInRequest, run_id: UUID) -> HttpResponse:
    """Everybody who was left out, and why, as a file."""
    run = _find(request, run_id)
    rows = ([each.username, each.name, each.email, each.why] for each in _skipped(request, run))
    return as_file(request, "Skipped", ["user name", "name", "e-mail", "why"], rows)


@dataclass(frozen=True)
class Skipped:
    """Somebody who was left out, as far as the viewer may see them."""

    username: str
    name: str
    email: str
    why: str
    person: User | None


def _skipped(request: SignedInRequest, run: BulkRun, most: int | None = None) -> Iterator[Skipped]:
    """Those who were left out, some hundreds at a time."""
    rows = BulkPerson.objects.filter(run=run, outcome=BulkOutcome.SKIPPED)
    after, shown = 0, 0
    while most is None or shown < most:
        size = exports.ROWS_AT_ONCE if most is None else most
        part = list(rows.filter(pk__gt=after).order_by("pk")[:size])
        if not part:
            return
        found = User.objects.managed_by(request.user).in_bulk([each.person for each in part if each.person])
        for each in part:
            person, why = found.get(each.person), str(WHY[Why(each.why)])
            if person:
                yield Skipped(person.username, person.get_full_name(), person.email, why, person)
            else:
                yield Skipped(each.name, "", "", why, None)
        after, shown = part[-1].pk, shown + len(part)


def _progress(request: SignedInRequest, run: BulkRun) -> HttpResponse:
    skips = run.skipped
    context: dict[str, Any] = {
        "run": run,
        "act": ALL_ACTS[run.act],
        "seconds_left": _seconds_left(run),
        "may_go_on": BulkRun.objects.filter(running.left(), pk=run.pk).exists(),
        "skipped": list(_skipped(request, run, MOST_SKIPPED)) if run.ended_at and skips else [],
        "lines": f"{reverse('settings:activity')}?{urlencode({'run': str(run.pk)})}",
        "back": _back(run),
    }
    return render(request, "settings/administration/users/bulk-progress.html", context)


def _over_budget(request: SignedInRequest) -> str:
    """What to say where nothing is left of the mails that the actor may cause; else one is taken."""
    try:
        budgets.claim(*lanes.actor_lanes("mails", request.user))
    except budgets.Throttled as trouble:
        return too_many(trouble)
    return ""


def _seconds_left(run: BulkRun) -> str:
    """How long it will go on, as people say it; "" where it cannot be told."""
    if not (run.runs and run.begun_at and run.done):
        return ""
    seconds = round((timezone.now() - run.begun_at).total_seconds() * run.left / run.done)
    if seconds < 90:
        number = max(5, round(seconds, -1))
        return ngettext("about {number} second left", "about {number} seconds left", number).format(number=number)
    number = round(seconds / 60)
    return ngettext("about {number} minute left", "about {number} minutes left", number).format(number=number)


def _number(said: str) -> int:
    """A number that a page sends along; 0 for anything else."""
    return int(said) if said.isdecimal() and len(said) < 10 else 0


def _act_asked(request: SignedInRequest) -> str:
    name = request.POST.get("act", "")
    if name not in MASS_ACTS:
        raise BadRequest
    _permitted(request, name)
    return name


def _permitted(request: SignedInRequest, name: str) -> Act:
    """An act that the role includes, or a 403."""
    act = acts_of(request.user).get(name)
    if act is None:
        raise NotPermitted
    return act


def _back(run: BulkRun) -> str:
    """The list that it was begun on."""
    return reverse("settings:users") + (f"?{urlencode(run.asked)}" if run.asked else "")


def _find(request: SignedInRequest, run_id: UUID) -> BulkRun:
    """Theirs: what one administrator begins is no other's to see or to stop."""
    run = BulkRun.objects.filter(pk=run_id, owner=request.user.pk).first()
    if run is None:
        raise Http404(NO_LONGER_KEPT)
    return run


def _address(run: BulkRun) -> str:
    return reverse("settings:bulk_run", args=[run.pk])
