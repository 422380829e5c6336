"""Addresses of sign-in, and of setting up what one signs in with."""

from __future__ import annotations

from django.urls import path

from mfa.views import confirm, login, passkeys, setup
from mfa.views.setup_passkey import login_passkey, own_passkey_new
from mfa.views.setup_password import login_password
from mfa.window.recovery_codes import own_recovery_codes

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
