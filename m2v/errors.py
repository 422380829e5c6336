"""Error pages and answers that tell people and scripts how to go on."""

from __future__ import annotations

import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.sessions.exceptions import SessionInterrupted
from django.core.exceptions import RequestDataTooBig
from django.db import connection
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse
from django.http.response import HttpResponseNotAllowed
from django.middleware.csrf import REASON_NO_CSRF_COOKIE
from django.shortcuts import render, resolve_url
from django.template.loader import render_to_string
from django.utils.translation import gettext_lazy as _

from accounts import refusals
from accounts.away import is_away, is_read_only
from accounts.background import NO_LONGER_KEPT
from accounts.guards import SETTINGS
from accounts.middleware import wants_json
from accounts.sealing import Unreadable
from m2v.request_ids import request_id_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.utils.functional import _StrOrPromise

    from accounts.requests import SiteRequest


@dataclass(frozen=True)
class ErrorText:
    """An error as people read it; `error` is its code for scripts."""

    status: int
    error: str
    heading: _StrOrPromise
    text: _StrOrPromise
    icon: str = "exclamation-circle"
    to_portal: bool = False
    to_users: bool = False


NOT_ALLOWED = ErrorText(
    403, "not_allowed", _("You are not allowed to do this"), _("Your role does not include it. Ask an administrator.")
)
NO_ACCESS = ErrorText(
    403,
    "no_access",
    _("You have no access to the Settings app"),
    _("It is for administrators. Your own sign-in and profile are under User settings."),
    icon="lock-closed",
    to_portal=True,
)
FORM_OUT_OF_DATE = ErrorText(
    403,
    "form_out_of_date",
    _("This page is out of date"),
    _("You signed in or out since it was opened. Go back, reload it, and send it again; nothing was changed."),
    icon="arrow-path",
)
COOKIES_NEEDED = ErrorText(
    403,
    "cookies_needed",
    _("Cookies are needed"),
    _("Your browser did not send this site’s cookies. Allow them, then go back, reload the page, and send it again."),
)
NOT_FOUND = ErrorText(
    404,
    "not_found",
    _("There is nothing here"),
    _("The address is wrong, what it showed is gone, or you may not see it."),
    icon="magnifying-glass",
)
NO_WORK = ErrorText(
    404,
    "not_found",
    _("This is no longer kept, or you may not see it"),
    _(
        "What is prepared is kept for a day at most, its result for some weeks. Nothing was done now: begin again from the list of users."
    ),
    icon="clock",
    to_users=True,
)
WRONG_METHOD = ErrorText(
    405, "method_not_allowed", _("This address is not a page"), _("It only takes what a button or a form sends.")
)
# Of these, the page asks for nothing: no database, no session, no list of static files.
BROKEN = ErrorText(
    500,
    "server_error",
    _("Something broke on our side"),
    _("Nothing was changed half-way. Try again in a minute."),
)
OUT_OF_ORDER = ErrorText(
    503,
    "unavailable",
    _("m2v is not available at the moment"),
    _("Nothing was changed. Try again in a minute."),
)
UNREADABLE = ErrorText(
    503,
    "unreadable",
    _("Your sign-in cannot be checked at the moment"),
    _("Nothing is wrong with what you entered, and nothing was lost. Try again in a minute."),
)
RETRY_AFTER = 10  # seconds


def answer(request: SiteRequest, trouble: ErrorText) -> HttpResponse:
    """A page for people, an object with a code for scripts."""
    if wants_json(request):
        return JsonResponse({"error": trouble.error}, status=trouble.status)
    return render(request, "errors/page.html", asdict(trouble), status=trouble.status)


def bad_request(request: SiteRequest, exception: Exception) -> HttpResponse:
    """400; also for a Host that is not ours, so nothing in the request can be relied on.

    If the session was ended while its request was on the way (one's own "Sign out now"), redirect to the login
    instead.
    """
    if isinstance(exception, SessionInterrupted):
        login = resolve_url(settings.LOGIN_URL)
        if wants_json(request):
            headers = {"HX-Redirect": login}
            return JsonResponse({"error": "sign_in_required", "login": login}, status=401, headers=headers)
        return HttpResponseRedirect(login)
    status, error = (413, "too_large") if isinstance(exception, RequestDataTooBig) else (400, "bad_request")
    if wants_json(request):
        return JsonResponse({"error": error}, status=status)
    text = _("m2v could not read what your browser sent. Open it at its own address: {address}")
    shown = {
        "heading": _("That did not work"),
        "text": str(text).format(address=settings.BASE_URL),
        "link": settings.BASE_URL,
        "words": _("Open m2v"),
        "number": request_id_of(request.META),
    }
    return HttpResponse(render_to_string("errors/alone.html", shown), status=status)


def permission_denied(request: SiteRequest, exception: Exception) -> HttpResponse:
    """403, with words of its own for the Settings app."""
    refusals.access_refused(request)
    return answer(request, NO_ACCESS if exception.args == (SETTINGS,) else NOT_ALLOWED)


def csrf_failure(request: SiteRequest, reason: str = "") -> HttpResponse:
    """403: the form comes from an earlier session, or the browser keeps no cookies."""
    refusals.form_refused(request, reason)
    trouble = COOKIES_NEEDED if reason == REASON_NO_CSRF_COOKIE and not request.COOKIES else FORM_OUT_OF_DATE
    if wants_json(request):
        return JsonResponse({"error": trouble.error, "message": f"{trouble.heading}. {trouble.text}"}, status=403)
    return answer(request, trouble)


def not_found(request: SiteRequest, exception: Exception) -> HttpResponse:
    """404."""
    return answer(request, NO_WORK if exception.args == (NO_LONGER_KEPT,) else NOT_FOUND)


def server_error(request: SiteRequest) -> HttpResponse:
    """500, or 503 if the failure is a passing one."""
    trouble = sys.exc_info()[1]
    return (cannot_answer(request, trouble) if trouble else None) or alone(request, BROKEN)


def cannot_answer(request: SiteRequest, exception: BaseException) -> HttpResponse | None:
    """503 if the database, or a key for something in it, is missing; None for everything else."""
    if is_read_only(exception):
        connection.close()  # of the servers in DATABASE_URL, another may take writes by now: a new one goes there
    if is_away(exception):
        return out_of_order(request)
    return for_now(alone(request, UNREADABLE)) if isinstance(exception, Unreadable) else None


def out_of_order(request: SiteRequest) -> HttpResponse:
    """503: nothing is served."""
    return for_now(alone(request, OUT_OF_ORDER))


def for_now(answer: HttpResponse) -> HttpResponse:
    """`answer`, saying when to try again (RFC 9110 section 10.2.3)."""
    answer.headers["Retry-After"] = str(RETRY_AFTER)
    return answer


def alone(request: SiteRequest, trouble: ErrorText) -> HttpResponse:
    """A page that needs nothing but its template; for scripts, the object."""
    if wants_json(request):
        return JsonResponse({"error": trouble.error}, status=trouble.status)
    shown = {
        "heading": trouble.heading,
        "text": trouble.text,
        "link": "/",
        "words": _("To your home page"),
        "number": request_id_of(request.META),
    }
    return HttpResponse(render_to_string("errors/alone.html", shown), status=trouble.status)


class MethodPagesMiddleware:
    """Give 405 answers, which have no body, a page."""

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        response = self.get_response(request)
        if not isinstance(response, HttpResponseNotAllowed) or request.method == "HEAD":
            return response
        page = answer(request, WRONG_METHOD)
        page.headers["Allow"] = response.headers["Allow"]
        return page
