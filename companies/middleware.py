"""The Settings app is for administrators: everything under it, today's and future views."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SiteRequest

NAMESPACE = "settings"


class SettingsAppMiddleware:
    """Refuse people without access whatever view of the Settings app they ask for.

    The resolved view decides, never the path's spelling.
    """

    def __init__(self, get_response: Callable[[SiteRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: SiteRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(self, request: SiteRequest, view: object, args: object, kwargs: object) -> None:
        match = request.resolver_match
        if match and NAMESPACE in match.namespaces and not getattr(request.user, "opens_settings", False):
            raise PermissionDenied(NAMESPACE)
