"""Browsers from which somebody signed in before.

A signed cookie names them. It proves nothing about who is there and skips no
step of a login (there is no "remember this browser" here); it gives guesses
a budget of their own (accounts.throttle) and tells a new browser from an old.
"""

from __future__ import annotations

from secrets import randbelow
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing

from accounts.clock import signed_lately
from audit.recording import known_browser_cookie

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.models import User
    from accounts.requests import SiteRequest

SALT = "accounts.known-browser"
SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie
MOST_PEOPLE = 8
BUDGETS = 8  # of one person's known browsers, which share them: whoever collects cookies collects no guesses


def recognised(person: User) -> str:
    """Which budget of `person`'s known browsers is this one's, or "" where it is unknown.

    That is where they never signed in from it, or not since all their sessions were ended: a lost device, or whoever
    took its cookie, then guesses as strangers do.
    """
    return next((name for whose, name, epoch in _read() if (whose, epoch) == (person.pk.hex, person.session_epoch)), "")


def remember(request: SiteRequest, person: User) -> bool:
    """`person` signed in here. True where the browser was unknown.

    The answer then carries the cookie.
    """
    if recognised(person):
        return False
    known = [entry for entry in _read() if entry[0] != person.pk.hex]
    known.append((person.pk.hex, str(randbelow(BUDGETS)), person.session_epoch))
    request.known_browser = signing.dumps(known[-MOST_PEOPLE:], salt=SALT)
    return True


def set_cookie(request: SiteRequest, response: HttpResponse) -> None:
    """Give the browser what `remember` noted, if it did."""
    value = getattr(request, "known_browser", "")
    if value:
        response.set_cookie(
            settings.KNOWN_BROWSER_COOKIE_NAME,
            value,
            max_age=SECONDS,
            secure=settings.OVER_TLS,
            httponly=True,
            samesite="Lax",
        )


def _read() -> list[tuple[str, str, int]]:
    """Whom this browser belongs to, which of their budgets it has, and the epoch in which they signed in."""
    try:
        known = signed_lately(known_browser_cookie(), salt=SALT, seconds=SECONDS)
    except signing.BadSignature:
        return []
    return [(str(whose), str(name), int(epoch)) for whose, name, epoch in known]
