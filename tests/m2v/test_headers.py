"""What every answer tells the browser, as a deployment over TLS and the embedded default say it."""

from __future__ import annotations

import json
import logging
import re
from html.parser import HTMLParser

import pytest
from django.test import Client
from django.urls import reverse

from m2v import reports
from m2v.logs import JsonFormatter
from m2v.reports import reported
from m2v.settings import SECURE_CSP
from tests.accounts.walk import pages
from tests.m2v.test_settings import visit
from tests.people import PASSWORD, browser

REPORT = {
    "document-uri": "https://m2v.example.com/portal/?q=private",
    "effective-directive": "script-src-elem",
    "blocked-uri": "https://evil.example/x.js?secret=1",
    "source-file": "https://m2v.example.com/portal/",
    "line-number": 7,
    "sample": "private",
}


@pytest.fixture(scope="module")
def over_tls(tmp_path_factory):
    return visit(tmp_path_factory.mktemp("tls"), "https://m2v.example.com")


@pytest.fixture(scope="module")
def every_answer(over_tls):
    """Answers of every kind, by name: pages, errors, redirects, files, and what the server refuses itself."""
    static = {f"static {address}": file for address, file in over_tls["static"].items()}
    return over_tls["others"] | static | {"login": over_tls["login"], "foreign host": over_tls["foreign"]}


@pytest.fixture
def crawl(administrator, kim, company):
    """Every address of the site as an administrator and as a stranger gets it."""
    passkey = kim.add_passkey()
    parts = {"user_id": kim.user.pk, "company_id": company.pk, "passkey_id": passkey.pk}
    paths = [page.path(**parts) for page in pages()]
    answers = {}
    for name, client in (("administrator", administrator.client), ("stranger", browser())):
        for path in paths:
            answers[f"{name} GET {path}"] = client.get(path)
            if path != "/logout/":
                answers[f"{name} POST {path}"] = client.post(path, {}, content_type="application/json")
    return answers


def policy_of(headers):
    parts = [part.strip().partition(" ") for part in headers["Content-Security-Policy"].split(";")]
    return {name: value for name, _, value in parts}


def features_of(headers):
    return dict(part.strip().split("=") for part in headers["Permissions-Policy"].split(","))


def is_static(name):
    return name.startswith("static") or name == "304"


class Tags(HTMLParser):
    """Every tag of a page, with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@pytest.mark.row("H-10")
def test_every_kind_of_answer_was_seen(every_answer):
    statuses = {answer["status"] for answer in every_answer.values()}

    assert statuses == {200, 302, 304, 400, 403, 404, 405, 413, 415, 500}


# --- H-01 ---


@pytest.mark.row("ASVS-3.4.3", "H-01")
def test_the_policy_of_a_page_allows_what_is_named_and_nothing_else(every_answer):
    for name in ("login", "200", "403", "404", "405", "4031"):
        policy = policy_of(every_answer[name]["headers"])
        assert (
            policy["default-src"] == policy["base-uri"] == policy["object-src"] == policy["frame-ancestors"] == "'none'"
        )
        assert re.fullmatch(r"'self'( 'nonce-[\w-]{22,}')?", policy["script-src"])
        for directive in ("style-src", "img-src", "connect-src", "form-action"):
            assert policy[directive] == "'self'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert policy["trusted-types"] == "m2v"
    assert {str(each) for value in SECURE_CSP.values() for each in value} & {"*", "http:", "https:", "data:"} == set()


@pytest.mark.row("H-01", "B-20")
def test_every_policy_forbids_frames_foreign_bases_and_the_unsafe(every_answer):
    for name, answer in every_answer.items():
        policy = answer["headers"]["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'"), name
        assert "frame-ancestors 'none'" in policy, name
        assert "base-uri 'none'" in policy, name
        assert "unsafe" not in policy, name
        assert "*" not in policy, name


@pytest.mark.row("H-01")
def test_a_nonce_is_fresh_each_time_and_on_every_script(administrator):
    nonces = set()
    for path in ("/settings/", "/settings/", "/user-settings/mfa/", "/login/challenge/"):
        answer = administrator.client.get(path, follow=True)
        nonce = re.search(r"'nonce-([\w-]+)'", answer.headers["Content-Security-Policy"])[1]
        nonces.add(nonce)
        scripts = [attributes for tag, attributes in Tags(answer.content.decode()).found if tag == "script"]
        assert scripts
        assert {script.get("nonce") for script in scripts} == {nonce}
        assert "no-store" in answer.headers["Cache-Control"]
    assert len(nonces) == 4
    assert all(len(nonce) >= 22 for nonce in nonces), "128 bits in base64"


@pytest.mark.row("H-01")
def test_no_page_has_an_inline_handler_style_or_script(crawl):
    for name, answer in crawl.items():
        if answer.headers.get("Content-Type", "").startswith("text/html"):
            for tag, attributes in Tags(answer.content.decode()).found:
                assert tag != "style", name
                assert "style" not in attributes, name
                assert not [each for each in attributes if each.startswith("on")], name
                assert tag != "script" or attributes.get("src"), name
                assert not (attributes.get("href") or "").startswith("javascript:"), name


# --- H-02 to H-05 ---


@pytest.mark.row("H-02")
def test_only_passkeys_are_allowed_and_only_to_ourselves(every_answer):
    for name, answer in every_answer.items():
        features = features_of(answer["headers"])
        assert {feature for feature, who in features.items() if who != "()"} == {
            "publickey-credentials-get",
            "publickey-credentials-create",
        }, name
        assert features["publickey-credentials-get"] == features["publickey-credentials-create"] == "(self)"
        assert {"camera", "microphone", "geolocation", "payment", "usb"} <= set(features)


@pytest.mark.row("ASVS-3.4.4", "ASVS-3.4.5", "ASVS-3.4.6", "ASVS-3.4.8", "H-03", "H-04", "H-05", "H-10", "B-20")
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "same-origin"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload"),
        ("Reporting-Endpoints", 'csp="/csp-report/"'),
    ],
)
def test_every_answer_has_the_header(header, value, every_answer):
    without = {name: answer["headers"].get(header) for name, answer in every_answer.items()}
    if header == "Strict-Transport-Security":
        without.pop("foreign host")  # browsers keep it for the host that it came from: not for one that is not ours
    assert without == dict.fromkeys(without, value)


@pytest.mark.row("H-04")
def test_a_form_works_under_the_referrer_policy(kim):
    careful = Client(enforce_csrf_checks=True, SERVER_NAME="localhost", SERVER_PORT="8000")
    page = careful.get("/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[1]
    form = {"username": "kim", "password": PASSWORD, "csrfmiddlewaretoken": token}

    assert page.headers["Referrer-Policy"] == "same-origin"
    assert careful.post("/login/", form, HTTP_ORIGIN="http://localhost:8000").status_code == 302
    assert careful.post("/login/", form, HTTP_ORIGIN="null").status_code == 403


# --- H-06, H-07 ---


@pytest.mark.row("ASVS-14.3.2", "H-06")
def test_only_files_are_kept_by_anybody(every_answer, crawl):
    for name, answer in every_answer.items():
        kept = answer["headers"]["Cache-Control"]
        assert ("immutable" in kept) if is_static(name) else ("no-store" in kept), name
    for name, answer in crawl.items():
        assert "no-store" in answer.headers["Cache-Control"], name


@pytest.mark.row("H-06")
def test_what_depends_on_who_asks_says_so(administrator):
    for path in ("/settings/", "/user-settings/mfa/", "/portal/"):
        assert "Cookie" in administrator.client.get(path).headers["Vary"]


@pytest.mark.row("H-07")
def test_every_answer_says_what_it_is(every_answer, crawl):
    for name, answer in every_answer.items():
        kind = answer["headers"].get("Content-Type", "")
        if answer["status"] != 304:
            assert re.fullmatch(
                r"text/\w+; charset=.utf-8.|text/\w+; charset=utf-8|application/json|image/svg\+xml", kind
            ), name
    for name, answer in crawl.items():
        if answer.getvalue():
            text = "text/csv" if "Content-Disposition" in answer.headers else "text/html"
            assert answer.headers["Content-Type"] in {f"{text}; charset=utf-8", "application/json"}, name
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.row("H-09")
def test_there_are_no_related_origins(db):
    assert browser().get("/.well-known/webauthn").status_code == 404


# --- CS-HDR-1 ---


@pytest.mark.row("CS-HDR-1")
def test_nothing_tells_what_the_site_is_made_of(every_answer):
    for name, answer in every_answer.items():
        headers = {header.lower() for header in answer["headers"]}
        assert not headers & {"server", "x-powered-by", "x-xss-protection", "x-aspnet-version", "via"}, name
        assert "django" not in json.dumps(answer["headers"]).lower(), name


# --- Reports (ASVS 3.4.7) ---


@pytest.fixture
def logged(monkeypatch):
    """The fields of each violation that went to the log."""
    kept = []
    monkeypatch.setattr(reports.log, "warning", lambda message, extra: kept.append(extra["fields"]))
    return kept


def send(body, kind="application/csp-report", client=None):
    client = client or Client(True, False, SERVER_NAME="localhost", SERVER_PORT="8000")
    return client.generic("POST", "/csp-report/", body if isinstance(body, bytes) else json.dumps(body), kind)


@pytest.mark.row("ASVS-3.4.7")
def test_the_policy_says_where_to_report_and_a_browsers_report_is_logged(logged, db):
    headers = browser().get("/login/").headers
    policy = policy_of(headers)
    assert policy["report-uri"] == reverse("csp_report")
    assert headers["Reporting-Endpoints"] == f'{policy["report-to"]}="{reverse("csp_report")}"'

    assert send({"csp-report": REPORT}).status_code == 204
    newer = {
        "documentURL": REPORT["document-uri"], "effectiveDirective": "script-src-elem", "lineNumber": 7,
        "blockedURL": REPORT["blocked-uri"], "sourceFile": REPORT["source-file"],
    }  # fmt: skip
    answer = send([{"type": "csp-violation", "body": newer}], "application/reports+json")
    assert (answer.status_code, answer.content) == (204, b"")

    assert (
        logged
        == [
            {
                "directive": "script-src-elem",
                "blocked": "https://evil.example/x.js",
                "page": "https://m2v.example.com/portal/",
                "source": "https://m2v.example.com/portal/",
                "line": 7,
            }
        ]
        * 2
    )


@pytest.mark.row("ASVS-3.4.7")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH"])
def test_reports_are_sent_and_nothing_else(method, db):
    assert browser().generic(method, "/csp-report/").status_code == 405


@pytest.mark.row("ASVS-3.4.7")
@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 5000, 400),
        (b"NaN", 204),
        (b'"text"', 204),
        (b"[]", 204),
        (b"[1, null, {}, []]", 204),
        (b'{"csp-report": []}', 204),
        (
            b'{"csp-report": {"document-uri": {"a": 1}, "line-number": "x", "blocked-uri": "http://[", "source-file": 1}}',
            204,
        ),
        (b'{"csp-report": {"line-number": 1e999}}', 204),
        (b'{"csp-report": {"line-number": ' + b"9" * 5000 + b"}}", 400),
        (b"x" * (16 * 1024 + 1), 413),
        (b'{"csp-report": {"effective-directive": "' + b"x" * 16_000 + b'"}}', 204),
    ],
)
@pytest.mark.parametrize(
    "kind", ["application/csp-report", "application/reports+json", "text/plain", "multipart/form-data"]
)
def test_no_report_is_a_failure_of_ours(body, status, kind, db, logged):
    assert send(body, kind).status_code == status
    assert all(len(str(value)) <= 200 for fields in logged for value in fields.values())


@pytest.mark.row("ASVS-3.4.7")
def test_not_more_than_a_few_are_logged_a_minute(logged, db, monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("accounts.throttle.bucket.monotonic", lambda: now[0])
    reports.reports.refill()
    many = [{"body": REPORT}] * 20
    for _ in range(50):
        assert send(many, "application/reports+json").status_code == 204
    assert len(logged) == reports.A_MINUTE

    now[0] += 60
    for _ in range(50):
        send(many, "application/reports+json")
    assert len(logged) == 2 * reports.A_MINUTE


@pytest.mark.row("ASVS-3.4.7", "ASVS-16.4.1")
def test_a_report_cannot_forge_a_line_of_the_log(db, capsys):
    smuggled = "x\r\nforged\x1b[31m\u2028"
    [fields] = reported({"csp-report": {"effective-directive": smuggled, "blocked-uri": smuggled}})
    record = logging.LogRecord("m2v.csp", logging.WARNING, "", 0, "violation", (), None)
    record.fields = fields

    line = JsonFormatter().format(record)
    assert line.isprintable()
    assert json.loads(line)["directive"] == smuggled


@pytest.mark.row("ASVS-3.4.7")
def test_a_report_asks_nothing_of_the_database_and_leaves_no_cookie(django_assert_num_queries, db):
    with django_assert_num_queries(0):
        answer = send({"csp-report": REPORT})

    assert answer.cookies == {}
