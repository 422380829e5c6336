"""Django's deployment checklist, and what it does not ask."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings as site
from django.http import HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.urls import Resolver404, path, resolve
from django.utils.module_loading import import_string

from m2v import urls as site_urls
from tests.m2v.test_settings import VARIABLES, visit
from tests.people import browser
from tests.with_postgres import free_port

ROOT = Path(site.ROOT)


async def later(request):
    return HttpResponse("in")


urlpatterns = [path("later/", later), *site_urls.urlpatterns]


@pytest.fixture
def start(tmp_path):
    """A command of `manage.py` as a deployment runs it, with its own environment."""

    def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clean = {
            name: value for name, value in os.environ.items() if name not in {*VARIABLES, "DJANGO_SETTINGS_MODULE"}
        }
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=clean | {"DATA_DIR": str(tmp_path), "BASE_URL": "https://m2v.example.com", **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


AT_HOME = {"BASE_URL": "https://localhost", "BEHIND_PROXY": "1"}  # nothing is asked over the network


@pytest.mark.row("ASVS-13.4.2", "DJ-01", "DJ-02", "DJ-03", "DJ-04", "DJ-05", "DJ-06", "DJ-07")
def test_djangos_own_checks_find_nothing(start):
    assert start("migrate", "--verbosity", "0", **AT_HOME).returncode == 0
    done = start("check", "--deploy", "--fail-level", "ERROR", **AT_HOME)

    assert done.returncode == 0, done.stderr
    found = set(re.findall(r"\((\w+\.\w\d+)\)", done.stdout + done.stderr))
    assert found <= {"m2v.W003", "m2v.W004", "m2v.W005"}, "mail as files, and the machine's clock"
    assert "m2v.W003" in found


@pytest.mark.row("DJ-01")
def test_the_checks_would_find_something(start):
    done = start("check", "--deploy", "--fail-level", "WARNING", HSTS="host", **AT_HOME)

    assert done.returncode != 0
    assert "security.W005" in done.stderr
    assert "m2v.E002" in done.stderr, "nothing was migrated"


@pytest.mark.row("DJ-01")
def test_only_checks_that_do_not_apply_are_silenced():
    assert set(site.SILENCED_SYSTEM_CHECKS) == {"mail.E001", "auth.W004"}


@pytest.mark.row("N-5.1-nofallback", "DJ-03", "DJ-04")
def test_over_tls_browsers_stay_there(over_tls):
    assert over_tls["login"]["headers"]["Strict-Transport-Security"] == "max-age=63072000; includeSubDomains; preload"
    assert over_tls["plain"]["status"] == 301
    assert over_tls["plain"]["headers"]["Location"] == "https://m2v.example.com/login/"


@pytest.mark.row("DJ-05")
@pytest.mark.parametrize("name", ["SECRET_KEY", "SECRET_KEY_FALLBACKS"])
def test_a_weak_key_is_found(name, start):
    done = start("check", **{name: "short"})

    assert done.returncode != 0
    assert f"{name} must be at least 50 characters, at random" in done.stderr


@pytest.mark.row("ASVS-13.2.x, 13.3.1, 13.3.2", "DJ-05")
def test_a_key_that_is_made_is_long_kept_and_private(start, tmp_path):
    start("check")
    kept = tmp_path / "secret_key"

    assert len(kept.read_text()) >= 50
    assert kept.stat().st_mode & 0o077 == 0
    assert (tmp_path / "mfa_encryption_key").stat().st_mode & 0o077 == 0
    assert tmp_path.stat().st_mode & 0o400


@pytest.mark.row("DJ-06", "DJ-08")
def test_cookies_are_bound_to_the_host_secure_and_hidden_from_scripts(over_tls):
    assert set(over_tls["cookies"]) == {"__Host-session", "__Host-csrf", "__Host-known", "__Host-forms"}
    for name, cookie in over_tls["cookies"].items():
        samesite = "Strict" if name == "__Host-forms" else "Lax"
        assert cookie == {"secure": True, "httponly": True, "samesite": samesite, "path": "/", "domain": ""}


@pytest.mark.row("DJ-07")
def test_debug_is_off_and_no_other_host_is_answered(over_tls):
    assert site.DEBUG is False
    assert "*" not in site.ALLOWED_HOSTS
    assert len(site.ALLOWED_HOSTS) >= 1
    assert over_tls["foreign"]["status"] == 400


@pytest.mark.row("DJ-08")
def test_each_setting_that_no_check_reads():
    assert site.SESSION_EXPIRE_AT_BROWSER_CLOSE is True
    assert site.SESSION_COOKIE_AGE <= 24 * 3600
    assert site.SESSION_ENGINE != "django.contrib.sessions.backends.signed_cookies"
    assert site.CSRF_TRUSTED_ORIGINS == [site.BASE_URL]
    assert site.SECURE_PROXY_SSL_HEADER is None
    assert site.USE_X_FORWARDED_HOST is site.USE_X_FORWARDED_PORT is False
    assert site.LONGEST_BODY <= 256 * 1024
    assert site.DATA_UPLOAD_MAX_MEMORY_SIZE <= 1024 * 1024
    assert site.DATA_UPLOAD_MAX_NUMBER_FIELDS <= 100
    assert site.PASSWORD_RESET_TIMEOUT <= 7 * 24 * 3600
    assert site.AUTH_PASSWORD_VALIDATORS
    assert site.LOGGING["root"]["handlers"]
    assert site.DATABASES["default"]["CONN_HEALTH_CHECKS"] is True
    assert site.USE_TZ is True


@pytest.mark.row("DJ-09")
def test_there_is_no_admin_site():
    assert "django.contrib.admin" not in site.INSTALLED_APPS
    assert "django.contrib.admindocs" not in site.INSTALLED_APPS
    with pytest.raises(Resolver404):
        resolve("/admin/")


@pytest.mark.row("DJ-11")
def test_the_middleware_stands_in_the_order_that_it_needs():
    order = [
        "m2v.headers.HeadersMiddleware",
        "django.middleware.security.SecurityMiddleware",
        "m2v.static_files.StaticFilesMiddleware",
        "django.middleware.csp.ContentSecurityPolicyMiddleware",
        "accounts.middleware.OriginMiddleware",
        "accounts.middleware.SessionMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
        "mfa.steps.LoginStepsMiddleware",
        "accounts.middleware.SignInRequiredMiddleware",
    ]

    assert [name for name in site.MIDDLEWARE if name in order] == order
    assert site.MIDDLEWARE[0] == order[0]
    assert issubclass(import_string(order[6]), CsrfViewMiddleware)


@pytest.mark.row("DJ-11")
@pytest.mark.urls(__name__)
def test_an_async_view_is_behind_the_same_gate(kim):
    kim.set_up_app()
    assert browser().get("/later/").headers["Location"].startswith("/login/")
    kim.enter_password()
    assert kim.client.get("/later/").headers["Location"].startswith("/login/")

    kim.enter_code()

    assert kim.client.get("/later/").content == b"in"


@pytest.mark.row("DJ-14")
def test_there_is_no_media_and_static_files_are_no_pages(over_tls):
    assert site.MEDIA_URL == "/"
    assert not site.MEDIA_ROOT
    for file in over_tls["static"].values():
        assert not file["headers"]["Content-Type"].startswith("text/html")
        assert file["headers"]["X-Content-Type-Options"] == "nosniff"
    assert not list((ROOT / "m2v" / "static").rglob("*.html"))


def test_the_server_migrates_nothing_and_says_what_to_do_before_it_begins(start):
    refused = start("serve", PORT=str(free_port()))
    start("migrate", "--verbosity", "0")
    refused_again = start("serve", PORT=str(free_port()))

    for done, said in (
        (refused, "The database is not of this version. Run `m2v upgrade`."),
        (refused_again, "The static files of this version are not collected. Run `m2v upgrade`."),
    ):
        lines = [json.loads(line) for line in done.stderr.splitlines()]
        assert done.returncode != 0
        assert said in [line["error"].removeprefix("ImproperlyConfigured: ") for line in lines if "error" in line]
        assert not [line for line in lines if "exception" in line]  # nobody mends a setting by a traceback
