"""Dialogs over a page: the MFA window, and every act that says what it will mean before it is confirmed.

A dialog is a page of its own that shows, behind it, the page it was opened from, or of a long list its heading. An htmx
request gets the dialog alone: what lies behind is not looked up then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.shortcuts import render
from django.urls import reverse

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest, SiteRequest
    from mfa.window.consequences import Consequence

CONFIRMATION = "components/confirm.html"
FOR_HTMX = "components/dialog.html"


@dataclass(frozen=True)
class Page:
    """A page that may lie behind a dialog. `context` is asked for only where the page is drawn."""

    template: str
    address: str
    context: Callable[[], dict[str, Any]]

    def draw(self, request: SiteRequest, *, status: int = 200, **more: Any) -> HttpResponse:
        return render(request, self.template, self.context() | more, status=status)


def dialog(
    request: SignedInRequest, behind: Page, template: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Draw a dialog: alone for htmx, else over the page behind it, to which closing leads. Its `title` is the page's."""
    context = {"window_template": template, "close": behind.address} | context
    if request.htmx and request.htmx.request_type == "partial":
        return render(request, FOR_HTMX, context, status=status)
    return behind.draw(request, status=status, **context)


def confirmation(
    request: SignedInRequest,
    behind: Page,
    title: str,
    lines: list[Consequence],
    *,
    tone: str = "danger",
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """What an act will mean, and the button that does it: the same address, sent as a form.

    `tone` is "primary" where nothing is lost; `sign_out` says which sessions "Sign out now" would end; `seen` is a
    word for what is shown, which comes back with the form.
    """
    context = {"title": title, "lines": lines, "tone": tone, "action": request.get_full_path()}
    return dialog(request, behind, CONFIRMATION, context | more, status=status)


def own_query(request: SiteRequest) -> str:
    """The request's own query, with its question mark: it names the page behind, and every act carries it along."""
    return f"?{request.GET.urlencode()}" if request.GET else ""


def own_window(request: SiteRequest) -> str:
    """One's own window, over the page that it was opened from."""
    return reverse("own_mfa:window") + own_query(request)
