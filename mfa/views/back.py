"""Where the acts of one's own MFA window lead back to: the window, over the page that it was opened from.

The window's query names that page (m2v.views.behind_own_window). Every act carries it along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse

if TYPE_CHECKING:
    from accounts.requests import SiteRequest


def query(request: SiteRequest) -> str:
    """The request's own query, with its question mark."""
    return f"?{request.GET.urlencode()}" if request.GET else ""


def own_window(request: SiteRequest) -> str:
    return reverse("own_mfa:window") + query(request)
