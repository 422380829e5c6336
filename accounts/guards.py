"""Guards that stand on views, below Django's own, which lets nobody in who is not signed in (`@login_not_required` says otherwise)."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING

from django.core.exceptions import PermissionDenied

from accounts.authorization import NotPermitted
from accounts.permissions import Permission

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpResponse

    from accounts.requests import SignedInRequest

    View = Callable[..., HttpResponse]

SEEING = {"GET", "HEAD"}
SETTINGS = "settings"  # the Settings app's namespace, and what a refusal is about


def settings_app(permission: Permission, *, to_post: Permission | None = None) -> Callable[[View], View]:
    """Open a view to those whose role has `permission`, and what it changes to those who have `to_post` too.

    A 403 for all others, before anything else is looked at; whom or what it may be done to is the view's affair.
    """
    needs = Permission(permission), Permission(to_post or permission)

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
            held, (to_see, to_change) = request.user.permissions, needs
            if Permission.LOOK not in held:
                raise PermissionDenied(SETTINGS)
            if to_see not in held or (request.method not in SEEING and to_change not in held):
                raise NotPermitted
            return view(request, *args, **kwargs)

        guarded.permissions = needs  # type: ignore[attr-defined]  # a mark, as Django sets them on views
        return guarded

    return decorate


def settings_app_for_others(permission: Permission) -> Callable[[View], View]:
    """The same for a view that is about oneself, or about whoever has the `user_id` in its address.

    Who finds themselves in the list may do there what they may do to themselves anyway.
    """

    def decorate(view: View) -> View:
        others, oneself = settings_app(permission)(view), settings_app(Permission.LOOK)(view)

        @wraps(others)
        def guarded(request: SignedInRequest, *args: object, **kwargs: object) -> HttpResponse:
            if "user_id" not in kwargs:
                return view(request, *args, **kwargs)
            about_oneself = kwargs["user_id"] == request.user.pk
            return (oneself if about_oneself else others)(request, *args, **kwargs)

        return guarded

    return decorate
