"""The site's settings for benchmarks: the hash taken out where the figure is not about it."""

import os

from m2v.settings import *  # noqa: F403
from m2v.settings import MIDDLEWARE

if os.environ["BENCH_HASH"] == "none":
    PASSWORD_HASHERS = ["tests.bench.hasher.NoHasher"]
DJANGOS = {
    "mfa.steps.LoginStepsMiddleware": "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.SignInRequiredMiddleware": "django.contrib.auth.middleware.LoginRequiredMiddleware",
}
assert set(DJANGOS) <= set(MIDDLEWARE), "tests.bench.page would compare a chain with itself"
WITHOUT_LOGIN_STEPS = [DJANGOS.get(name, name) for name in MIDDLEWARE]
ROOT_URLCONF = "tests.bench.projects.m2v.urls"
