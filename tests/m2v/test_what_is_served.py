"""What is served and what is not: files, folders, versions, and secrets in addresses and browsers."""

from __future__ import annotations

import re
from base64 import b32encode, b64encode, urlsafe_b64encode
from html import unescape
from pathlib import Path

import pytest
from django.conf import settings as site

from mfa.models import Passkey
from tests.accounts.walk import pages
from tests.m2v.test_settings import visit
from tests.people import PASSWORD, browser
from tests.rooms import ROOMS
from tests.scenes import paths_about

ROOT = Path(site.ROOT)
OURS = (*ROOMS, "templates")


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


def sources(*kinds):
    return [path for folder in OURS for path in sorted((ROOT / folder).rglob("*")) if path.suffix in kinds]


# --- V12, V13 ---


@pytest.mark.row("ASVS-12.1.1, 12.2.1", "N-5.1-nofallback")
def test_without_tls_there_is_a_redirect_and_no_content(over_tls):
    assert (over_tls["plain"]["status"], over_tls["plain"]["body"]) == (301, "")
    assert over_tls["plain"]["headers"]["Location"].startswith("https://")


@pytest.mark.row("ASVS-13.2.x, 13.3.1, 13.3.2")
def test_no_secret_is_in_the_repository():
    secret = re.compile(
        r"""(?i)(secret_key|encryption_keys?|api_key|passw(or)?d)\s*=\s*["'][^"'\s]{12,}["']|BEGIN [A-Z ]*PRIVATE KEY"""
    )
    for path in sources(".py", ".html", ".js", ".toml"):
        for found in secret.finditer(path.read_text()):
            if found[0] == 'PASSWORD = "login_setup_password"':  # the address of a step
                continue
            raise AssertionError(f"{path}: {found[0]}")


@pytest.mark.row("ASVS-13.4.1")
@pytest.mark.parametrize(
    "path", ["/.git/config", "/.git/HEAD", "/.env", "/static/../.git/config", "/static/..%2f.git/HEAD"]
)
def test_no_source_control_is_served(path, db):
    assert browser().get(path).status_code == 404


@pytest.mark.row("ASVS-13.4.3")
def test_no_folder_is_listed(db):
    for path in ("/static/", "/static/m2v/", "/media/"):
        assert browser().get(path).status_code == 404


@pytest.mark.row("ASVS-13.4.4")
def test_trace_is_answered_nowhere(kim, company):
    kim.sign_in()
    for page in pages():
        for client in (browser(), kim.client):
            answer = client.generic(
                "TRACE", page.path(user_id=kim.user.pk, company_id=company.pk), HTTP_X_SECRET="canary"
            )
            assert answer.status_code in {302, 403, 404, 405}, page.name
            assert b"canary" not in answer.content


@pytest.mark.row("ASVS-13.4.5, 13.4.6")
@pytest.mark.parametrize(
    "path",
    ["/docs/", "/schema/", "/metrics", "/health", "/status", "/debug/", "/__debug__/", "/server-status", "/README.md"],
)
def test_no_documentation_or_monitoring_is_exposed(path, administrator):
    assert administrator.client.get(path).status_code == 404


@pytest.mark.row("ASVS-13.4.5, 13.4.6")
def test_no_answer_names_the_version_of_what_it_runs_on(over_tls):
    for answer in [over_tls["login"], *over_tls["others"].values()]:
        said = str(answer["headers"]) + answer["body"]
        assert not re.search(r"(?i)(django|granian|python|whitenoise|gunicorn)[/ -]v?\d", said)


# --- V14 ---


@pytest.mark.row("ASVS-14.2.1")
def test_nothing_secret_is_in_an_address(kim):
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


@pytest.mark.row("ASVS-14.2.3")
def test_nothing_is_sent_to_anybody_else():
    for directive in ("connect-src", "form-action", "img-src", "script-src", "style-src"):
        assert not [value for value in site.SECURE_CSP[directive] if "//" in str(value)]
    for path in sources(".html", ".js", ".css"):
        text = path.read_text()
        if path.parent.name != "mail":
            assert not re.search(r"""(?:src|href|url|fetch|import)\s*[=(]\s*["']?https?://""", text), path


def spellings(raw):
    """How bytes are written into pages: hexadecimal, base64, base64url, base32; without what only fills them up."""
    known = (raw.hex(), b64encode(raw).decode(), urlsafe_b64encode(raw).decode(), b32encode(raw).decode())
    return [text.rstrip("=").lower() for text in known]


def shows(page, raw):
    return any(text in unescape(page).lower().replace(" ", "") for text in spellings(raw))


@pytest.fixture
def seen(kim, carla, administrator):
    """Every page about Kim, who has an app and a passkey, as Kim and both administrators see it."""
    kim.add_passkey()
    kim.set_up_app()
    kim.sign_in()
    return {
        (person.user.username, page.name): person.client.get(path).getvalue().decode()
        for person in (kim, carla, administrator)
        for page, path in paths_about(kim.user).items()
    }


@pytest.mark.row("ASVS-14.2.6")
def test_a_passkeys_id_is_on_its_owners_own_pages_alone(seen):
    """There, browsers are told which passkeys still exist (WebAuthn section 5.1.10); nobody else is."""
    passkey = Passkey.objects.get()

    showing = {whose for whose, page in seen.items() if shows(page, bytes(passkey.credential_id))}

    assert passkey.name in seen["carla", "settings:user_mfa:window"]
    assert ("kim", "own_mfa:window") in showing
    assert {(name, page.partition(":")[0]) for name, page in showing} == {("kim", "own_mfa")}


@pytest.mark.row("ASVS-14.3.3")
def test_nothing_is_kept_in_the_browser():
    for path in sources(".js", ".html"):
        assert not re.search(
            r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.open", path.read_text()
        ), path
