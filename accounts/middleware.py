"""Middleware for every request: where it comes from, its session, its language, and that somebody is signed in."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.sessions.middleware import SessionMiddleware as DjangosSessionMiddleware
from django.http import HttpResponse, HttpResponseRedirect, JsonResponse, StreamingHttpResponse
from django.shortcuts import resolve_url
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.http import urlencode
from django.utils.translation import get_language_from_request

from accounts.login import local_path
from accounts.refusals import step_skipped
from accounts.sessions.current import in_session
from accounts.throttle.known_browsers import set_cookie
from audit.recording import current_address, current_browser, origin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from accounts.requests import SiteRequest


# As some proxies write it: 192.0.2.1:4711, [2001:db8::1]:4711.
WITH_PORT = re.compile(r"^(?:([\d.]+)|\[(.*)\])(?::\d+)?$")


def address_of(request: HttpRequest) -> str | None:
    """The client's network address. Forwarded ones count only from proxies of ours, each of which appends one."""
    stated = request.META.get("REMOTE_ADDR", "")
    if settings.BEHIND_PROXY:
        forwarded = request.headers.get("X-Forwarded-For", stated).split(",")
        # The outermost proxy appended the one that we believe; what stands to its left is the client's own word.
        stated = forwarded[-min(settings.BEHIND_PROXY, len(forwarded))].strip()
    stated = WITH_PORT.sub(r"\1\2", stated).partition("%")[0]
    try:
        address = ip_address(stated)
    except ValueError:
        return None
    # A server that listens on both kinds states IPv4 addresses in the form of IPv6, where all of them were one network.
    return str(getattr(address, "ipv4_mapped", None) or address)


class OriginMiddleware:
    """Tell the audit where each request comes from."""

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        browser = request.headers.get("User-Agent", "").replace("\x00", "")
        with origin(address_of(request), browser, request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE_NAME, "")):
            response = self.get_response(request)
            set_cookie(request, response)
            return response


class SessionMiddleware(DjangosSessionMiddleware):
    """Load the session, and delete its cookie if this request ended it.

    An unknown or outdated key deletes no cookie: another response may have given the browser the next key in the
    meantime, and a late one must not take it away.
    """

    def process_response(self, request: SiteRequest, response: HttpResponse) -> HttpResponse:  # type: ignore[override]  # ours, not any HttpRequest
        answer = super().process_response(request, response)
        cookie = answer.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and not cookie.value and not request.session.ended:
            del answer.cookies[settings.SESSION_COOKIE_NAME]
        return answer


class ActingSessionMiddleware:
    """Tell services which session a request belongs to; tell the session where it is used, and that somebody is there."""

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        request.session.came_from = (current_address(), current_browser()[:300])
        with in_session(request.session):
            return self.get_response(request)

    def process_view(self, request: SiteRequest, view: Callable[..., HttpResponse], *_: object) -> None:
        request.session.in_background = request.method in getattr(view, "in_background", ())
        if not request.session.in_background:
            request.session.touch()


class BrowserLanguageMiddleware:
    """Speak the browser's language from the start, so that outages do too; what the request before spoke is no matter.

    Django's LocaleMiddleware looks for a language in the address too, twice; ours have none.
    """

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponseBase:
        with translation.override(get_language_from_request(request)):
            request.LANGUAGE_CODE = translation.get_language()
            response = self.get_response(request)
            patch_vary_headers(response, ("Accept-Language",))
            response.headers.setdefault("Content-Language", translation.get_language())
            if isinstance(response, StreamingHttpResponse):
                parts = cast("Iterable[bytes]", response.streaming_content)  # nothing here is async
                response.streaming_content = _spoken(parts, translation.get_language())
        return response


def _spoken(parts: Iterable[bytes], language: str) -> Iterator[bytes]:
    """`parts` of a file, which are made later, and not in one thread: each in `language`."""
    there = iter(parts)
    while True:
        with translation.override(language):
            part = next(there, None)
        if part is None:
            return
        yield part


class LanguageMiddleware:
    """Speak the language that the person chose in their settings, if they did, from the first factor of a login on."""

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        chosen = getattr(request.user if request.user.is_authenticated else request.claimant, "language", "")
        if chosen:
            translation.activate(chosen)
            request.LANGUAGE_CODE = translation.get_language()
        return self.get_response(request)


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Let only signed-in people in, unless the view says `@login_not_required`.

    Somebody half-way through their login is as anonymous here as a stranger. A script gets a 401 (`sign_in_required`),
    htmx is told where to go, also when it restores a page of the history; a browser is redirected to the login.
    Skipping a step goes on record, except at "/", which anybody types.
    """

    def handle_no_permission(self, request: SiteRequest, view_func: Callable[..., HttpResponse]) -> HttpResponseBase:  # type: ignore[override]  # the same
        if not request.resolver_match or request.resolver_match.view_name != settings.LOGIN_REDIRECT_URL:
            step_skipped(request)
        login = resolve_url(settings.LOGIN_URL)
        back = path_to_return_to(request)
        address = f"{login}?{urlencode({REDIRECT_FIELD_NAME: back})}" if back else login
        by_htmx = bool(request.htmx) or request.headers.get("HX-History-Restore-Request") == "true"
        if by_htmx or wants_json(request):
            headers = {"HX-Redirect": address} if by_htmx else {}
            return JsonResponse({"error": "sign_in_required", "login": address}, status=401, headers=headers)
        return HttpResponseRedirect(address)


def path_to_return_to(request: SiteRequest) -> str:
    """Where the login should lead back to: this page, or the page whose button was pressed."""
    if request.method in {"GET", "HEAD"} and not request.htmx:
        return local_path(request.get_full_path())
    try:
        if request.htmx:
            return local_path(request.htmx.current_url_abs_path)
        came_from = urlsplit(request.headers.get("Referer", ""))
    except ValueError:  # an address that is none
        return ""
    return local_path(came_from.path) if came_from.netloc == request.get_host() else ""


def wants_json(request: SiteRequest) -> bool:
    """Is this a script asking, which could do nothing with a redirect to a page?"""
    if request.headers.get("HX-Request") == "true" or request.content_type == "application/json":
        return True
    try:
        preferred = request.get_preferred_type(["text/html", "application/json"])
    except ValueError:  # a quality that is no number
        return False
    return preferred == "application/json"
