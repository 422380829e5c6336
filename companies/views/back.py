"""Where an act leads back to: the person's page or the list, with its search, filter and page as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpResponseRedirect
from django.urls import reverse

from companies import history

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.requests import SignedInRequest

BEGUN_ON = "on"  # in the query of an act: the page that it was begun on, and comes back to ("from" is a list's place)
USER = "user"
ONLY = "only"  # in the query of "Lost phone": nothing was lost, a pass is all that is asked for
PASS = "pass"  # noqa: S105  # a word
HISTORY = (history.KIND, history.AFTER, history.BEFORE)  # of a person's page alone: no act carries it along


def begun_on_user(request: SignedInRequest) -> bool:
    """Was the act started on the person's own page, rather than in the list?"""
    return request.GET.get(BEGUN_ON) == USER


def list_query(request: SignedInRequest) -> str:
    """The list's search, filter and page as a query string; a person's pages carry it along."""
    return _query(request, BEGUN_ON, ONLY, *HISTORY)


def act_query(request: SignedInRequest) -> str:
    """The same for an act that was started on the person's page."""
    return _query(request, ONLY, *HISTORY, **{BEGUN_ON: USER})


def pass_query(request: SignedInRequest) -> str:
    """The same for an access pass alone."""
    return _query(request, *HISTORY, **{BEGUN_ON: USER, ONLY: PASS})


def user_address(request: SignedInRequest, user_id: UUID) -> str:
    return reverse("settings:user", args=[user_id]) + list_query(request)


def to_let_in(request: SignedInRequest, user_id: UUID) -> HttpResponseRedirect:
    """To the page on which a locked person is let in again."""
    return HttpResponseRedirect(reverse("settings:user_let_in", args=[user_id]) + list_query(request))


def back_to_user(request: SignedInRequest, user_id: UUID) -> HttpResponseRedirect:
    """To the person's page."""
    return HttpResponseRedirect(user_address(request, user_id))


def _query(request: SignedInRequest, *dropped: str, **added: str) -> str:
    """What was asked for, less `dropped` and the fields of a form that were left empty: each row's links repeat it."""
    asked = request.GET.copy()
    for name in [name for name in asked if name in dropped or not asked[name]]:
        del asked[name]
    for name, value in added.items():
        asked[name] = value
    return f"?{asked.urlencode()}" if asked else ""
