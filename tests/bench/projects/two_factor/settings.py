from pathlib import Path

from tests.bench.projects.bare.settings import *  # noqa: F403
from tests.bench.projects.bare.settings import INSTALLED_APPS, MIDDLEWARE, TEMPLATES

ROOT_URLCONF = "tests.bench.projects.two_factor.urls"
INSTALLED_APPS = [
    *INSTALLED_APPS,
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "two_factor",
]
after = MIDDLEWARE.index("django.contrib.auth.middleware.AuthenticationMiddleware") + 1
MIDDLEWARE = [*MIDDLEWARE[:after], "django_otp.middleware.OTPMiddleware", *MIDDLEWARE[after:]]
TEMPLATES = [TEMPLATES[0] | {"DIRS": [Path(__file__).parent / "templates"]}]
LOGIN_URL = "two_factor:login"
