"""Addresses of the MFA window, which stands over a page of whoever includes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, path

from mfa.window import passkeys, recovery_codes, views

if TYPE_CHECKING:
    from mfa.window.views import Behind


def window_urls(behind: Behind) -> list[URLPattern]:
    """The window over the page that `behind` draws: include it under the person's address."""
    over: dict[str, Any] = {"behind": behind}
    return [
        path("", views.window, over, name="window"),
        path("two-factor/on/", views.two_factor_on, over, name="two_factor_on"),
        path("two-factor/off/", views.two_factor_off, over, name="two_factor_off"),
        path("passkeys/request/", passkeys.passkey_request, over, name="passkey_request"),
        path("passkeys/request/delete/", passkeys.passkey_request_delete, over, name="passkey_request_delete"),
        path("passkeys/<uuid:passkey_id>/delete/", passkeys.passkey_delete, over, name="passkey_delete"),
    ]


def own_window_urls(behind: Behind) -> list[URLPattern]:
    """The same about oneself, with what only owners do."""
    rename = path(
        "passkeys/<uuid:passkey_id>/rename/", passkeys.passkey_rename, {"behind": behind}, name="passkey_rename"
    )
    new_codes = path("recovery-codes/new/", recovery_codes.own_new_codes, {"behind": behind}, name="new_codes")
    return [*window_urls(behind), rename, new_codes]
