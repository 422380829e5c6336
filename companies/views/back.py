"""Where an act on a person's page leads back to: the page, with what was asked of the list that they were found in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.urls import reverse

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.requests import SignedInRequest

FROM = "from"  # in the query of an act: the page that it was begun on, and comes back to
USER = "user"
HISTORY = "history"  # in the query of a locked person's page: what of their history is shown


def begun_on_user(request: SignedInRequest) -> bool:
    """Was the act begun on the person's own page, not in the list?"""
    return request.GET.get(FROM) == USER


def list_query(request: SignedInRequest) -> str:
    """What was asked of the list (search, filter, page), with its question mark; a person's pages carry it along."""
    asked = request.GET.copy()
    for name in (FROM, HISTORY):
        asked.pop(name, None)
    return f"?{asked.urlencode()}" if asked else ""


def act_query(request: SignedInRequest) -> str:
    """The same for an act that is begun on the person's page."""
    asked = request.GET.copy()
    asked[FROM] = USER
    return f"?{asked.urlencode()}"


def user_address(request: SignedInRequest, user_id: UUID) -> str:
    return reverse("settings:user", args=[user_id]) + list_query(request)


def to_let_in(request: SignedInRequest, user_id: UUID) -> HttpResponseRedirect:
    """To the page on which a locked person is let in again."""
    return HttpResponseRedirect(reverse("settings:user_let_in", args=[user_id]) + list_query(request))


def back_to_user(request: SignedInRequest, user_id: UUID) -> HttpResponseRedirect:
    """To the person's page."""
    return HttpResponseRedirect(user_address(request, user_id))
