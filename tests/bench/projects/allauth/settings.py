from tests.bench.projects.bare.settings import *  # noqa: F403
from tests.bench.projects.bare.settings import INSTALLED_APPS, MIDDLEWARE

ROOT_URLCONF = "tests.bench.projects.allauth.urls"
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.humanize",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]
MIDDLEWARE = [*MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "account_login"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
ACCOUNT_RATE_LIMITS = {"login": "1000/s/ip"}
MFA_RATE_LIMITS = {"webauthn_login": "1000/s/ip"}
MFA_TOTP_TOLERANCE = 1
