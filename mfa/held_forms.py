"""Forms that were sent before their sender had confirmed who they are, for as long as they wait for it.

They wait in the session, whose cookie may have been stolen, and whoever sent one knows the path on which it goes on.
So each also belongs to its browser, by a cookie that was given to no other; it goes on under a proof that was made for
it, and within ten minutes.
"""

from __future__ import annotations

from secrets import token_urlsafe
from time import time
from typing import TYPE_CHECKING, TypedDict

from django.conf import settings
from django.shortcuts import resolve_url
from django.utils.crypto import constant_time_compare
from django.utils.http import urlencode

from accounts.clock import is_ahead

if TYPE_CHECKING:
    from django.http import HttpResponse

    from accounts.requests import SiteRequest

HELD_FORMS = "held_forms"
FORMS = 3  # of several tabs
SECONDS = 10 * 60  # enough to find one's phone; less than a proof counts


class HeldForm(TypedDict):
    """A form as it was filled in, where it was sent to and from, when, and whether it may go on."""

    path: str
    fields: list[list[str]]
    cancel: str
    at: float
    confirmed: bool


def hold(request: SiteRequest, cancel: str) -> str:
    """Keep the form that was sent; its key, which `bind` gives to the browser."""
    fields = [
        [name, value]
        for name, values in request.POST.lists()
        for value in values
        if name not in {"csrfmiddlewaretoken", "code"} and "password" not in name
    ]
    key = token_urlsafe(16)
    form = HeldForm(path=request.get_full_path(), fields=fields, cancel=cancel, at=time(), confirmed=False)
    request.session[HELD_FORMS] = dict([*request.session.get(HELD_FORMS, {}).items(), (key, form)][-FORMS:])
    return key


def bind(request: SiteRequest, response: HttpResponse, key: str) -> None:
    """Give the browser the key of the form that it sent, beside those of its other tabs."""
    response.set_cookie(
        settings.HELD_FORMS_COOKIE_NAME,
        ".".join([*waiting(request), key][-FORMS:]),
        max_age=SECONDS,
        secure=settings.OVER_TLS,
        httponly=True,
        samesite="Strict",  # no page elsewhere sends a form on
    )


def path_of(key: str) -> str:
    """The path of the page that sends the form on."""
    return f"{resolve_url('confirm_continue')}?{urlencode({'form': key})}"


def waiting(request: SiteRequest) -> dict[str, HeldForm]:
    """The forms that this browser sent within the last ten minutes, by their keys."""
    own_keys = request.COOKIES.get(settings.HELD_FORMS_COOKIE_NAME, "").split(".")
    forms: dict[str, HeldForm] = request.session.get(HELD_FORMS, {})
    return {
        key: form
        for key, form in forms.items()
        if any(constant_time_compare(key, own) for own in own_keys)
        and time() - form["at"] < SECONDS
        and not is_ahead(form["at"])
    }


def is_gone(request: SiteRequest, path: str) -> bool:
    """Would `path` send a form on, but not here, or not any more?"""
    return path.startswith(resolve_url("confirm_continue")) and path not in map(path_of, waiting(request))


def confirm(request: SiteRequest, path: str) -> None:
    """Let the form go on that `path` sends on: a proof was made for it. What another browser sent is forgotten."""
    if HELD_FORMS in request.session:
        request.session[HELD_FORMS] = {
            key: HeldForm(**{**form, "confirmed": form["confirmed"] or path_of(key) == path})
            for key, form in waiting(request).items()
        }


def let_go(request: SiteRequest) -> None:
    """Forget what was kept for this address: it is sent now."""
    if kept := request.session.get(HELD_FORMS):
        rest = {key: form for key, form in kept.items() if form["path"] != request.get_full_path()}
        request.session[HELD_FORMS] = rest
