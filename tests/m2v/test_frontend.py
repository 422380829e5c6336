"""What the browser is given, and what it may do with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings as site

from tests.accounts.walk import everything
from tests.m2v.test_settings import visit
from tests.people import Person, browser

ROOT = Path(site.ROOT)
SCRIPTS = sorted((ROOT / "m2v" / "static").rglob("*.js"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
PAGES = [path for path in TEMPLATES if path.parent.name != "mail"]
JSON = ("/passkeys/authentication/options/", "/passkeys/authentication/")


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


# --- 3.1, 3.2 ---


@pytest.mark.row("ASVS-3.1.1", "ASVS-3.7.5")
def test_without_passkeys_in_the_browser_there_is_the_code(kim):
    kim.set_up_app()
    kim.add_passkey()
    kim.enter_password()
    page = kim.client.get("/login/challenge/").content.decode()

    assert 'name="code"' in page
    assert kim.enter_code().status_code == 302


@pytest.mark.row("ASVS-3.2.1")
@pytest.mark.parametrize("headers", [{}, {"HTTP_SEC_FETCH_DEST": "document"}, {"HTTP_ACCEPT": "text/html"}])
def test_what_is_for_scripts_is_never_a_page(headers, db):
    for path in JSON:
        answer = browser().post(path, {}, content_type="application/json", **headers)
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert b"<" not in answer.content


@pytest.mark.row("ASVS-3.2.2")
def test_scripts_put_text_into_a_page_as_text():
    for path in SCRIPTS:
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment", path.read_text()
        )


@pytest.mark.row("ASVS-3.2.2")
@pytest.mark.parametrize(
    "name", ["<img src=x onerror=alert(1)>", "</script><script>alert(1)</script>", '" onmouseover="x']
)
def test_a_passkeys_name_is_shown_as_text(name, kim):
    passkey = kim.add_passkey()
    kim.sign_in()
    type(passkey).objects.filter(pk=passkey.pk).update(name=name)
    page = kim.client.get("/user-settings/mfa/").content.decode()

    assert name not in page
    assert name.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") in page


@pytest.mark.row("ASVS-3.2.3")
def test_scripts_are_modules_and_leave_no_globals():
    for path in SCRIPTS:
        assert not re.search(r"^\s*var |window\.\w+\s*=[^=]|globalThis\.\w+\s*=[^=]", path.read_text(), re.MULTILINE), (
            path
        )
    for path in PAGES:
        for tag in re.findall(r"<script[^>]*m2v/[^>]*>", path.read_text()):
            assert 'type="module"' in tag, path


# --- 3.3 ---


@pytest.mark.row("ASVS-3.3.1", "ASVS-3.3.2", "ASVS-3.3.3", "ASVS-3.3.4", "N-5.1-nofallback")
def test_cookies_over_tls(over_tls):
    """From elsewhere, links open pages, and send no form on."""
    assert over_tls["cookies"]
    for name, cookie in over_tls["cookies"].items():
        assert name.startswith("__Host-")
        samesite = "Strict" if name == "__Host-forms" else "Lax"
        assert cookie == {"secure": True, "httponly": True, "samesite": samesite, "path": "/", "domain": ""}


@pytest.mark.row("ASVS-3.3.4")
def test_the_sessions_key_is_in_no_page(kim):
    kim.sign_in()
    key = kim.client.cookies["session"].value
    for path in ("/portal/", "/user-settings/", "/user-settings/mfa/"):
        answer = kim.client.get(path)
        assert key not in answer.content.decode()
    assert kim.client.cookies["session"]["httponly"]


@pytest.mark.row("ASVS-3.3.5")
def test_cookies_are_small(kim):
    kim.sign_in()
    kim.client.get("/user-settings/")

    for name, cookie in kim.client.cookies.items():
        assert len(name) + len(cookie.OutputString()) < 400


# --- 3.4: each header is in test_headers ---


@pytest.mark.row("ASVS-3.4.2")
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
@pytest.mark.parametrize("path", ["/login/", "/portal/", "/passkeys/authentication/options/", "/csp-report/"])
def test_no_other_site_may_read_anything(method, path, kim):
    kim.sign_in()
    headers = {"HTTP_ORIGIN": "https://evil.example", "HTTP_ACCESS_CONTROL_REQUEST_METHOD": "POST"}
    answer = kim.client.generic(method, path, **headers)

    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
    assert site.WHITENOISE_ALLOW_ALL_ORIGINS is False


@pytest.mark.row("ASVS-3.4.2")
def test_static_files_are_for_this_site_only(over_tls):
    for file in over_tls["static"].values():
        assert "Access-Control-Allow-Origin" not in file["headers"]


# --- 3.5 ---


@pytest.mark.row("ASVS-3.5.2")
@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_what_is_for_scripts_takes_no_simple_request(kind, kim):
    kim.sign_in()
    before = everything()
    for path in (*JSON, "/passkeys/registration/options/", "/passkeys/registration/"):
        answer = kim.client.generic("POST", path, '{"credential": {}}', kind)
        assert answer.status_code == 415, path

    assert everything() == before


@pytest.mark.row("ASVS-3.5.4")
def test_passkeys_are_of_the_very_host():
    assert site.BASE_URL.partition("://")[2].partition(":")[0] == site.PASSKEY_RP_ID
    assert site.PASSKEY_ORIGIN == site.BASE_URL


@pytest.mark.row("ASVS-3.5.5")
def test_no_script_listens_to_messages_of_other_windows():
    """Tabs of this very site tell each other that the session goes on, over a channel that is of one origin."""
    for path in SCRIPTS:
        script = path.read_text()
        assert not re.search(r"(window|parent|opener|top|frames\S*)\.postMessage|onmessage", script), path
        listeners = re.findall(r"(\w+)\.addEventListener\([\"']message[\"']", script)
        assert set(listeners) <= {"others"}, path
        assert not listeners or "others = new BroadcastChannel(" in script


@pytest.mark.row("ASVS-3.5.6, 3.5.7")
def test_no_answer_is_a_script(kim):
    kim.sign_in()
    for path in ("/portal/?callback=x", "/user-settings/mfa/?callback=x&jsonp=x"):
        answer = kim.client.get(path)
        assert answer.headers["Content-Type"].startswith("text/html")
        assert not answer.content.startswith(b"x(")
    answer = kim.client.post(JSON[0] + "?callback=x", {}, content_type="application/json")
    assert answer.content.startswith(b"{")


@pytest.mark.row("ASVS-3.5.8")
def test_nothing_can_be_embedded(kim):
    kim.sign_in()
    for path in ("/portal/", "/user-settings/mfa/", "/nope/"):
        headers = kim.client.get(path).headers
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Frame-Options"] == "DENY"


# --- 3.6, 3.7 ---


@pytest.mark.row("ASVS-3.6.1")
def test_nothing_is_loaded_from_elsewhere(over_tls):
    loaded = re.findall(r'(?:src|href)="([^"]+)"', over_tls["login"]["body"])

    assert loaded
    assert all(address.startswith("/") and not address.startswith("//") for address in loaded)


@pytest.mark.row("ASVS-3.7.1")
def test_no_dead_technology_is_used():
    for path in PAGES:
        assert not re.search(
            r"(?i)<(applet|object|embed|frameset|marquee|keygen)\b|\.swf|activex|silverlight", path.read_text()
        )


@pytest.mark.row("ASVS-3.7.3")
def test_no_page_leads_away(kim, administrator):
    for client, paths in ((administrator.client, ("/settings/", "/portal/")), (Person(kim.user).client, ("/login/",))):
        for path in paths:
            links = re.findall(r'(?:href|action)="([^"]+)"', client.get(path).content.decode())
            assert links
            assert all(link.startswith(("/", "#", "?")) and not link.startswith("//") for link in links)


@pytest.mark.row("ASVS-3.7.4")
def test_the_domain_may_be_put_on_the_preload_list(over_tls):
    assert "preload" in over_tls["login"]["headers"]["Strict-Transport-Security"]
