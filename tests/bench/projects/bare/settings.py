"""The smallest settings that a login needs, for production: no DEBUG, so templates are cached."""

import os
from pathlib import Path

from django.urls import reverse_lazy

SECRET_KEY = "x" * 60
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "tests.bench.projects.bare.urls"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": Path(os.environ["DATA_DIR"]) / "bench.sqlite3",
        "CONN_MAX_AGE": 60,
        "OPTIONS": {  # as ours
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
PASSWORD_HASHERS = [
    "tests.bench.hasher.NoHasher"
    if os.environ["BENCH_HASH"] == "none"
    else "django.contrib.auth.hashers.Argon2PasswordHasher"
]
STATIC_URL = "static/"
LOGIN_URL = reverse_lazy("login")
LOGIN_REDIRECT_URL = "/portal/"
