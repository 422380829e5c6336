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

from accounts.audit import known_browser_cookie

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from accounts.models import User

SALT = "accounts.known-browser"
SECONDS = 400 * 24 * 3600  # the longest that browsers keep a cookie
MOST_PEOPLE = 8
BUDGETS = 8  # of one person's known browsers, which share them: whoever collects cookies collects no guesses


def recognised(person: User) -> str:
    """Which budget of `person`'s known browsers is this one's, or "" where they never signed in from it."""
    return dict(_read()).get(person.pk.hex, "")


def remember(request: HttpRequest, person: User) -> bool:
    """`person` signed in here. True where they had not before; the answer then carries the cookie."""
    known = [(whose, name) for whose, name in _read() if whose != person.pk.hex]
    name = recognised(person)
    known.append((person.pk.hex, name or str(randbelow(BUDGETS))))
    if not name:
        request.known_browser = signing.dumps(known[-MOST_PEOPLE:], salt=SALT)  # type: ignore[attr-defined]
    return not name


def set_cookie(request: HttpRequest, response: HttpResponse) -> None:
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


def _read() -> list[tuple[str, str]]:
    """Whom this browser belongs to, and which of their budgets it has."""
    try:
        pairs = signing.loads(known_browser_cookie(), salt=SALT, max_age=SECONDS)
    except signing.BadSignature:
        return []
    return [(str(whose), str(name)) for whose, name in pairs]
