import os
from pathlib import Path

from tests.bench.projects.bare.settings import *  # noqa: F403
from tests.bench.projects.bare.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

ROOT_URLCONF = "tests.bench.projects.otp_webauthn.urls"
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp_webauthn",
]
after = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
MIDDLEWARE = [*MIDDLEWARE[:after], "django_otp.middleware.OTPMiddleware", *MIDDLEWARE[after:]]
# Its views of passkeys are not marked for it: the page is guarded by `otp_required`, as both say.
MIDDLEWARE.remove("django.contrib.auth.middleware.LoginRequiredMiddleware")
TEMPLATES = [TEMPLATES[0] | {"DIRS": [Path(__file__).parent]}]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "django_otp_webauthn.backends.WebAuthnBackend",
]
OTP_LOGIN_URL = "code"
OTP_WEBAUTHN_RP_NAME = "Bench"
OTP_WEBAUTHN_RP_ID = "localhost"
OTP_WEBAUTHN_ALLOWED_ORIGINS = [os.environ["BASE_URL"]]
