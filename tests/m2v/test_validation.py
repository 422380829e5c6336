"""What is sent, what is answered, and flows in their order."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core import mail
from django.forms import ModelForm
from django.test import Client

from accounts import invitations
from accounts.models import User
from audit.models import AuditEvent
from companies.models import Company
from mfa import services
from mfa.models import Passkey, RecoveryCode
from tests.accounts.walk import pages
from tests.mfa.pages import CHALLENGE, CREATE, OWN, OWN_SETUP, confirm_setup, open_setup, window_of
from tests.people import browser
from tests.rooms import ROOMS
from tests.scenes import AUTHENTICATION, FORM, REGISTRATION, is_shut, paths_about, things

ROOT = Path(__file__).resolve().parents[2]
USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"
MARKUP = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "javascript:alert(1)",
    "{{ 7 }}",
    "</title><b>",
]


def modules():
    return [path for app in ROOMS for path in (ROOT / app).rglob("*.py")]


# --- Output (1.2, 1.3) ---


@pytest.mark.row("ASVS-1.2.1-1.2.4")
@pytest.mark.parametrize("name", MARKUP)
def test_names_are_text_on_every_page(name, kim, administrator, company):
    User.objects.filter(pk=kim.user.pk).update(first_name=name, last_name=name)
    User.objects.filter(pk=administrator.user.pk).update(first_name=name)
    Company.objects.filter(pk=company.pk).update(name=name)
    passkey = kim.add_passkey()
    Passkey.objects.filter(pk=passkey.pk).update(name=name)
    services.request_passkey(kim.user, actor=administrator.user)
    kim.client.defaults["HTTP_USER_AGENT"] = name
    kim.sign_in()
    assert AuditEvent.objects.filter(browser=name).exists()

    answers = [administrator.client.get(path) for path in paths_about(kim.user, company).values()]
    shown = [answer.content.decode() for answer in answers if "Content-Disposition" not in answer.headers]
    shown += [kim.client.get(path).content.decode() for path in ("/portal/", "/m2s/", OWN, "/user-settings/", CREATE)]

    if "<" in name:
        assert not [page for page in shown if name in page]
    for page in shown:
        assert not re.search(r'(?:href|src|action|formaction)="\s*javascript:', page)
        assert ">49<" not in page


# SQL that no queryset says, or says too slowly: a row that may not be there yet is locked, and rows are written out by
# the database as they are stored. What is put into its text are places for parameters, and names of our own tables and
# columns. The listing's triggers, the lock of an upgrade and a transaction that reads are no query at all, and what audit.prepared sends was
# written by Django.
HAND_WRITTEN = {
    "audit/prepared.py",
    "accounts/one_moment.py",
    "accounts/throttle/budgets.py",
    "audit/sealing/stored.py",
    "companies/listing/upkeep.py",
    "m2v/upgrading.py",
}


@pytest.mark.row("ASVS-1.2.1-1.2.4")
def test_no_query_is_made_of_text(carla, kim):
    for path in modules():
        if path.relative_to(ROOT).as_posix() in HAND_WRITTEN or path.parent.name == "migrations":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Attribute) and called.attr in {"raw", "extra", "RawSQL", "cursor"}), path
    for text in ("' OR 1=1 --", '") OR ("1"="1', "%", "_", "\\", "'; DROP TABLE accounts_user; --"):
        assert str(kim.user.pk) not in carla.client.get(USERS, {"q": text}).content.decode()
        assert browser().post("/login/", {"username": text, "password": text}).status_code == 400


@pytest.mark.row("ASVS-1.3.11")
def test_a_line_break_in_a_name_reaches_no_header(make_person, admin, mailoutbox):
    evil = "Kim\r\nBcc: evil@evil.example\r\n\r\nHello"
    omar = make_person("omar", first_name=evil, last_name=evil, password=None)
    User.objects.filter(pk=admin.pk).update(first_name=evil)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("accounts.invitations.transaction.on_commit", lambda act, **_: act())
        invitations.invite(omar.user, actor=User.objects.get(pk=admin.pk))

    [message] = mailoutbox
    sent = message.message()
    assert sent["Bcc"] is None
    assert message.recipients() == [omar.user.email]
    assert "\n" not in str(sent["Subject"])
    assert mail.outbox == [message]


# --- Input (2.2, 15.3) ---


@pytest.mark.row("ASVS-2.2.1, 2.2.2")
@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (CHALLENGE, {"code": "1234567"}),
        (CHALLENGE, {"code": "12 34"}),
        ("/password-reset/", {"email": "not an@address"}),
        ("/login/", {"username": "x" * 255, "password": "y"}),
        ("/login/", {"username": "kim", "password": "y" * 1025}),
    ],
)
def test_only_what_is_expected_is_taken(path, sent, half_way):
    client = half_way.client if path == CHALLENGE else browser()

    assert client.post(path, sent).status_code == 400
    assert is_shut(half_way)


@pytest.mark.row("ASVS-2.2.1, 2.2.2")
@pytest.mark.parametrize(
    ("path", "sent"),
    [
        (f"{USERS}new/", {"username": "with space", "role": "member"}),
        (f"{USERS}new/", {"username": "new", "role": "owner"}),
        (f"{USERS}new/", {"username": "new", "email": "none", "role": "member"}),
        (f"{USERS}new/", {"username": "n" * 151, "role": "member"}),
        (f"{COMPANIES}new/", {"name": ""}),
        (f"{COMPANIES}new/", {"name": "n" * 2000}),
        ("/user-settings/", {"email": "a@b.example", "language": "xx"}),
    ],
)
def test_forms_take_what_they_name_and_no_more(path, sent, administrator, company):
    before = things()

    assert administrator.client.post(path, {"company": str(company.pk), **sent}).status_code == 400
    assert things() == before


@pytest.mark.row("ASVS-2.3.2")
@pytest.mark.parametrize("there_are", [19, 20])
def test_there_is_a_most_of_everything(there_are, kim):
    kim.sign_in()
    Passkey.objects.bulk_create(
        Passkey(user=kim.user, name=f"No. {n}", credential_id=bytes([n] * 16), public_key=b"x", suspended_at=None)
        for n in range(there_are - 1)
    )
    kim.add_passkey()
    assert kim.use_passkey().status_code == 200

    assert kim.create_passkey().status_code == (200 if there_are == 19 else 400)
    assert kim.user.passkeys.count() == 20
    confirm_setup(kim, open_setup(kim, OWN_SETUP), OWN_SETUP)
    assert RecoveryCode.objects.count() == 10


@pytest.mark.row("ASVS-2.3.3")
@pytest.mark.parametrize(
    "fails", ["mfa.methods.recovery_codes.verification.RecoveryCode.objects.bulk_create", "audit.recording.LINE.add"]
)
def test_a_failure_half_way_leaves_nothing(fails, kim, monkeypatch):
    kim.sign_in()
    kim.client.raise_request_exception = False
    page, before, lines = open_setup(kim, OWN_SETUP), things(), AuditEvent.objects.count()

    def broken(*_args, **_kwargs):
        raise OSError

    with monkeypatch.context() as patch:
        patch.setattr(fails, broken)
        assert confirm_setup(kim, page, OWN_SETUP).status_code == 500

    assert things() == before
    assert AuditEvent.objects.count() == lines


# --- Answers (4.1, 15.3.1) ---


@pytest.mark.row("ASVS-4.1.1")
def test_every_answer_says_its_type(administrator, kim, company):
    for client in (administrator.client, browser()):
        for page, path in paths_about(kim.user, company).items():
            for headers in ({}, {"HTTP_ACCEPT": "application/json"}):
                for method in ("GET", "POST", "PUT"):
                    answer = client.generic(method, path, **headers)
                    if answer.getvalue():
                        kind = answer.headers["Content-Type"]
                        file = (
                            {"text/csv; charset=utf-8", "application/json"}
                            if "Content-Disposition" in answer.headers
                            else set()
                        )
                        assert kind in (file or {"application/json", "text/html; charset=utf-8"}), (page.name, kind)


@pytest.mark.row("ASVS-4.1.2")
@pytest.mark.parametrize("csrf", [True, False])
def test_scripts_are_refused_without_tls_and_pages_sent_on(csrf, kim, settings):
    settings.SECURE_SSL_REDIRECT = True
    client = Client(enforce_csrf_checks=csrf, SERVER_NAME="localhost", SERVER_PORT="8000")

    for path in (AUTHENTICATION, f"{AUTHENTICATION}options/", REGISTRATION, f"{REGISTRATION}options/"):
        answer = client.post(path, {}, content_type="application/json")
        assert (answer.status_code, "Location" in answer.headers) == (403, False)
        assert answer.json()["error"] == ("cookies_needed" if csrf else "tls_required")
    for path in ("/login/", "/portal/", "/password-reset/"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["Location"].partition(":")[0]) == (301, "https")
    over_tls = client.post(f"{AUTHENTICATION}options/", {}, content_type="application/json", secure=True)
    assert over_tls.status_code == (403 if csrf else 200)


@pytest.mark.row("ASVS-4.1.3")
def test_forged_headers_have_no_effect(kim, mailoutbox):
    forged = {
        "HTTP_X_FORWARDED_FOR": "10.9.8.7",
        "HTTP_X_REAL_IP": "10.9.8.7",
        "HTTP_X_FORWARDED_HOST": "evil.example",
        "HTTP_X_FORWARDED_PROTO": "https",
        "HTTP_X_USER_ID": str(kim.user.pk),
    }
    browser().post("/password-reset/", {"email": kim.user.email}, **forged)
    browser().post("/login/", {"username": "kim", "password": "wrong"}, **forged)

    assert "http://localhost:8000/" in mailoutbox[0].body
    assert "evil.example" not in mailoutbox[0].body
    assert AuditEvent.objects.filter(action="refused").latest("id").address == "127.0.0.1"
    assert browser().get("/portal/", **forged).status_code == 302
    assert not settings.USE_X_FORWARDED_HOST


@pytest.mark.row("ASVS-15.2.3")
def test_nothing_made_for_tests_is_served(administrator):
    assert not settings.DEBUG
    assert not [app for app in settings.INSTALLED_APPS if re.search(r"debug|silk|test|sample|extensions", app)]
    assert not [
        page.pattern for page in pages() if re.search(r"debug|test|sample|demo|playground|broken", page.pattern)
    ]
    for path in ("/__debug__/", "/test/", "/demo/", "/fail/", "/static/tests.js"):
        assert administrator.client.get(path).status_code == 404


@pytest.mark.row("ASVS-15.3.1")
def test_json_answers_have_these_fields_and_no_more(kim, administrator):
    kim.sign_in()
    asked = kim.json(f"{REGISTRATION}options/", {}).json()
    made = kim.create_passkey().json()
    told = kim.json(f"{AUTHENTICATION}options/", {}).json()
    refused = kim.json(AUTHENTICATION, {"credential": {}}).json()
    shut = browser().get("/portal/", HTTP_ACCEPT="application/json").json()

    assert set(asked) == {
        *("rp", "user", "challenge", "pubKeyCredParams", "timeout", "excludeCredentials"),
        *("authenticatorSelection", "attestation", "extensions"),
    }
    assert set(asked["user"]) == {"id", "name", "displayName"}
    assert set(made) == {"next"}
    assert set(told) == {"challenge", "timeout", "rpId", "allowCredentials", "userVerification"}
    assert [set(passkey) for passkey in told["allowCredentials"]] == [{"id", "type", "transports"}]
    assert set(refused) == {"error", "message"}
    assert set(shut) == {"error", "login"}
    for answer in (asked, made, told, refused, shut):
        assert "public_key" not in json.dumps(answer)


@pytest.mark.row("ASVS-15.3.3")
def test_every_form_names_its_fields():
    forms, todo = set(), [ModelForm]
    while todo:
        for form in todo.pop().__subclasses__():
            forms.add(form)
            todo.append(form)
    ours = [form for form in forms if form.__module__.split(".")[0] in {"accounts", "mfa", "companies"}]

    assert len(ours) >= 4
    for form in ours:
        meta = getattr(form, "Meta", None)
        if getattr(form._meta, "model", None):
            assert isinstance(meta.fields, tuple), form
            assert not {"password", "is_active", "two_factor_enabled", "user", "session_epoch"} & set(meta.fields)
    assert not re.search(r"""["']__all__["']""", " ".join(path.read_text() for path in modules()))


@pytest.mark.row("ASVS-15.3.5")
@pytest.mark.parametrize("value", [True, None, [], {}, 1, 1.5, ["x"], {"id": "x"}, "", "null"])
@pytest.mark.parametrize("field", ["credential", "id", "rawId", "response", "type"])
def test_a_value_of_another_type_is_refused(field, value, kim):
    kim.add_passkey()
    options = kim.json(f"{AUTHENTICATION}options/", {}).json()
    right = kim.authenticator.get(options)
    sent = {"credential": value if field == "credential" else right | {field: value}}

    answer = kim.json(AUTHENTICATION, sent)

    assert answer.status_code == 400
    assert answer.json()["error"] in {"passkey_refused", "unknown_passkey"}
    assert is_shut(kim)


@pytest.mark.row("ASVS-15.3.7")
def test_the_address_never_stands_in_for_the_form(kim_with_app, administrator):
    kim = kim_with_app
    assert kim.client.post("/login/?username=kim&password=correct horse battery staple").status_code == 400
    kim.enter_password()
    right = kim.code()
    assert kim.client.post(f"{CHALLENGE}?code={right}").status_code == 400
    assert kim.client.generic("POST", CHALLENGE, f"code={right}&code=000000", FORM).status_code == 400
    assert is_shut(kim)
    assert kim.client.generic("POST", CHALLENGE, f"code=000000&code={right}", FORM).headers["Location"] == "/"

    administrator.client.post(f"{window_of(kim.user)}two-factor/on/?sign_out=on")
    assert kim.is_in, "the box is part of the form"
