"""A bare Django project: its own LoginView, one page behind LoginRequiredMiddleware, nothing else.

It keeps sessions in the database and its connections open, on the same SQLite options and server as ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = """
import os
SECRET_KEY = "x" * 60
ALLOWED_HOSTS = ["localhost"]
ROOT_URLCONF = "bare.urls"
INSTALLED_APPS = ["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.messages"]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware", "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware", "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [os.path.dirname(__file__)],
    "OPTIONS": {"context_processors": ["django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages"]}}]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": os.environ["BARE_DATABASE"], "CONN_MAX_AGE": 60,
    "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20,
                "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"}}}
USE_TZ = True
PASSWORD_HASHERS = ["tests.bench.hasher.NoHasher" if os.environ.get("BENCH_HASH") == "none"
                    else "django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_REDIRECT_URL = "/portal/"
"""
URLS = """
from django.contrib.auth.views import LoginView
from django.shortcuts import render
from django.urls import path
urlpatterns = [path("login/", LoginView.as_view(template_name="login.html"), name="login"),
               path("portal/", lambda request: render(request, "portal.html"))]
from django.conf import settings
settings.LOGIN_URL = "login"
"""
LOGIN = '<form method="post">{% csrf_token %}{{ form }}<button>Sign in</button></form>'
PORTAL = "<h1>{{ request.user.username }}</h1>"
WSGI = """
from django.core.wsgi import get_wsgi_application
application = get_wsgi_application()
"""


def make(folder: Path) -> None:
    """Write the project to `folder`/bare."""
    package = folder / "bare"
    package.mkdir(parents=True)
    for name, text in {
        "__init__.py": "",
        "settings.py": SETTINGS,
        "urls.py": URLS,
        "wsgi.py": WSGI,
        "login.html": LOGIN,
        "portal.html": PORTAL,
    }.items():
        (package / name).write_text(text)
