"""Addresses of sign-in and of the MFA window."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern, path

from mfa.views import confirm, login, passkeys, setup, window, window_passkeys
from mfa.views.new_codes import own_new_codes, own_recovery_codes
from mfa.views.setup_passkey import login_passkey, own_passkey_new
from mfa.views.setup_password import login_password

if TYPE_CHECKING:
    from mfa.views.window import Behind

urlpatterns = [
    path("login/", login.password, name="login"),
    path("login/challenge/", login.challenge, name="login_challenge"),
    path("login/setup/password/", login_password, name="login_setup_password"),
    path("login/setup/two-factor/", setup.login_two_factor, name="login_setup_two_factor"),
    path("login/setup/recovery-codes/", setup.login_recovery_codes, name="login_setup_recovery_codes"),
    path("login/setup/passkey/", login_passkey, name="login_setup_passkey"),
    path("logout/", login.sign_out, name="logout"),
    path("confirm/", confirm.confirm, name="confirm"),
    path("confirm/continue/", confirm.go_on, name="confirm_continue"),
    path("passkeys/authentication/options/", passkeys.authentication_options, name="passkey_authentication_options"),
    path("passkeys/authentication/", passkeys.authentication, name="passkey_authentication"),
    path("passkeys/registration/options/", passkeys.registration_options, name="passkey_registration_options"),
    path("passkeys/registration/", passkeys.registration, name="passkey_registration"),
    path("user-settings/mfa/two-factor/set-up/", setup.own_two_factor, name="own_two_factor"),
    path("user-settings/mfa/recovery-codes/", own_recovery_codes, name="own_recovery_codes"),
    path("user-settings/mfa/passkeys/new/", own_passkey_new, name="own_passkey_new"),
]


def window_urls(behind: Behind) -> list[URLPattern]:
    """The window over the page that `behind` draws: include it under the person's address."""
    over: dict[str, Any] = {"behind": behind}
    return [
        path("", window.window, over, name="window"),
        path("two-factor/on/", window.two_factor_on, over, name="two_factor_on"),
        path("two-factor/off/", window.two_factor_off, over, name="two_factor_off"),
        path("passkeys/request/", window_passkeys.passkey_request, over, name="passkey_request"),
        path("passkeys/request/delete/", window_passkeys.passkey_request_delete, over, name="passkey_request_delete"),
        path("passkeys/<uuid:passkey_id>/delete/", window_passkeys.passkey_delete, over, name="passkey_delete"),
    ]


def own_window_urls(behind: Behind) -> list[URLPattern]:
    """The same about oneself, with what only owners do."""
    rename = path(
        "passkeys/<uuid:passkey_id>/rename/", window_passkeys.passkey_rename, {"behind": behind}, name="passkey_rename"
    )
    new_codes = path("recovery-codes/new/", own_new_codes, {"behind": behind}, name="new_codes")
    return [*window_urls(behind), rename, new_codes]
