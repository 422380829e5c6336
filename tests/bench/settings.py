"""The site's settings for benchmarks: a folder of its own; the hash taken out where the figure is not about it."""

import os

from m2v.settings import *  # noqa: F403
from m2v.settings import MIDDLEWARE

STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
if os.environ.get("BENCH_HASH") == "none":
    PASSWORD_HASHERS = ["tests.bench.hasher.NoHasher"]
if os.environ.get("BENCH_MIDDLEWARE") == "off":
    DJANGOS = {
        "mfa.middleware.LoginStepsMiddleware": None,  # AuthenticationMiddleware is there anyway
        "accounts.middleware.SignInRequiredMiddleware": "django.contrib.auth.middleware.LoginRequiredMiddleware",
    }
    MIDDLEWARE = [kept for name in MIDDLEWARE if (kept := DJANGOS.get(name, name))]
ROOT_URLCONF = "tests.bench.urls"
