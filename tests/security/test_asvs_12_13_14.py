"""ASVS 5.0, V12 communication, V13 configuration, V14 data protection: the rows that are of headers and files."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as site

from tests.accounts.walk import pages
from tests.m2v.test_settings import visit
from tests.people import PASSWORD, browser

ROOT = Path(site.ROOT)
OURS = ("accounts", "companies", "mfa", "m2v", "templates")


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


def sources(*kinds):
    return [path for folder in OURS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in kinds]


# --- V12, V13 ---


def test_asvs_12_2_1_without_tls_there_is_a_redirect_and_no_content(over_tls):
    assert (over_tls["plain"]["status"], over_tls["plain"]["body"]) == (301, "")
    assert over_tls["plain"]["headers"]["Location"].startswith("https://")


def test_asvs_13_3_1_no_secret_is_in_the_repository():
    secret = re.compile(
        r"""(?i)(secret_key|encryption_keys?|api_key|passw(or)?d)\s*=\s*["'][^"'\s]{12,}["']|BEGIN [A-Z ]*PRIVATE KEY"""
    )
    for path in sources(".py", ".html", ".js", ".toml"):
        for found in secret.finditer(path.read_text()):
            raise AssertionError(f"{path}: {found[0]}")


@pytest.mark.parametrize(
    "path", ["/.git/config", "/.git/HEAD", "/.env", "/static/../.git/config", "/static/..%2f.git/HEAD"]
)
def test_asvs_13_4_1_no_source_control_is_served(path, db):
    assert browser().get(path).status_code == 404


def test_asvs_13_4_3_no_folder_is_listed(db):
    for path in ("/static/", "/static/m2v/", "/media/"):
        assert browser().get(path).status_code == 404


def test_asvs_13_4_4_trace_is_answered_nowhere(kim, company):
    kim.sign_in()
    for page in pages():
        for client in (browser(), kim.client):
            answer = client.generic(
                "TRACE", page.path(user_id=kim.user.pk, company_id=company.pk), HTTP_X_SECRET="canary"
            )
            assert answer.status_code in {302, 403, 404, 405}, page.name
            assert b"canary" not in answer.content


@pytest.mark.parametrize(
    "path",
    ["/docs/", "/schema/", "/metrics", "/health", "/status", "/debug/", "/__debug__/", "/server-status", "/README.md"],
)
def test_asvs_13_4_5_no_documentation_or_monitoring_is_exposed(path, administrator):
    assert administrator.client.get(path).status_code == 404


def test_asvs_13_4_6_no_answer_names_the_version_of_what_it_runs_on(over_tls):
    for answer in [over_tls["login"], *over_tls["others"].values()]:
        said = str(answer["headers"]) + answer["body"]
        assert not re.search(r"(?i)(django|granian|python|whitenoise|gunicorn)[/ -]v?\d", said)


# --- V14 ---


def test_asvs_14_2_1_nothing_secret_is_in_an_address(kim):
    kim.set_up_app()
    kim.enter_password()
    answers = [kim.client.get("/login/challenge/"), kim.enter_code(), kim.client.get("/user-settings/mfa/")]
    key = kim.client.cookies["session"].value
    for answer in answers:
        addresses = re.findall(r'(?:href|action|src)="([^"]*)"', answer.content.decode())
        for address in [*addresses, answer.headers.get("Location", "")]:
            assert key not in address
            assert PASSWORD not in address
            assert "otpauth" not in address
            assert not re.search(r"[?&](code|token|secret|session|password)=", address)


def test_asvs_14_2_2_no_page_is_kept_by_the_server():
    for path in sources(".py"):
        assert not re.search(r"\bcache_page\b|\bcache_control\b|UpdateCacheMiddleware", path.read_text()), path


def test_asvs_14_2_3_nothing_is_sent_to_anybody_else():
    for directive in ("connect-src", "form-action", "img-src", "script-src", "style-src"):
        assert not [value for value in site.SECURE_CSP[directive] if "//" in str(value)]
    for path in sources(".html", ".js", ".css"):
        text = path.read_text()
        if path.parent.name != "mail":
            assert not re.search(r"""(?:src|href|url|fetch|import)\s*[=(]\s*["']?https?://""", text), path


@pytest.mark.parametrize(
    "path",
    ["/user-settings/x.css", "/user-settings/mfa/x.js", "/portal/x.png", "/user-settings/mfa.css", "/portal/;x.css"],
)
def test_asvs_14_2_5_b_54_an_address_that_looks_like_a_file_is_no_page(path, kim):
    kim.sign_in()
    answer = kim.client.get(path)

    assert answer.status_code == 404
    assert "no-store" in answer.headers["Cache-Control"]
    assert "kim" not in re.sub(r"\s", "", answer.content.decode().partition("<main")[2])


def test_asvs_14_2_6_a_passkeys_key_and_id_are_on_no_page(kim, administrator):
    passkey = kim.add_passkey()
    kim.set_up_app()
    kim.sign_in()
    window = administrator.client.get(f"/settings/administration/users/{kim.user.pk}/mfa/").content
    own = kim.client.get("/user-settings/mfa/").content
    for page in (window, own):
        assert passkey.public_key.hex().encode() not in page
        assert passkey.credential_id.hex().encode() not in page
        assert kim.app_key.hex().encode() not in page
        for code in kim.codes:
            assert code.encode() not in page


def test_asvs_14_3_3_nothing_is_kept_in_the_browser():
    for path in sources(".js", ".html"):
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.open", path.read_text()
        ), path
