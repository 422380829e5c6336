"""Guards that stand on views, below Django's own, which lets nobody in who is not signed in (`@login_not_required` says otherwise)."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

    View = Callable[..., HttpResponse]

SETTINGS = "settings"  # the Settings app's namespace, and what a refusal is about


def settings_app(view: View) -> View:
    """Open `view` to those who may open the Settings app; a 403 for all others, before anything else is looked at."""

    @wraps(view)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        if not request.user.opens_settings:
            raise PermissionDenied(SETTINGS)
        return view(request, *args, **kwargs)

    guarded.for_settings = True  # type: ignore[attr-defined]  # a mark, as Django sets them on views
    return guarded


def settings_app_for_others(view: View) -> View:
    """The same for a view that is about oneself, or about whoever has the `user_id` in its address."""
    others = settings_app(view)

    @wraps(others)
    def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
        return (others if "user_id" in kwargs else view)(request, *args, **kwargs)

    return guarded
