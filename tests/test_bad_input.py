"""Input that no honest browser sends, at every address: a clear 4xx or a redirect, nothing changed, never a 500."""

from __future__ import annotations

import itertools
import json
from io import BytesIO
from typing import Any
from urllib.parse import quote
from wsgiref.util import setup_testing_defaults

import pytest
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import Client
from django.utils.http import urlsafe_base64_encode

from accounts.models import Budget, Session
from companies.models import Company
from m2v.wsgi import application
from mfa import services
from mfa.models import Passkey
from tests.accounts.steps import begin_set_up, set_up
from tests.accounts.walk import everything, pages
from tests.people import PASSWORD, browser

FORM = "application/x-www-form-urlencoded"
PARTS = "multipart/form-data; boundary=x"
TOKEN = "a" * 32
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "FOO")
LOGIN_STEPS = {
    "login_challenge",
    "login_setup_password",
    "login_setup_two_factor",
    "login_setup_recovery_codes",
    "login_setup_passkey",
}
USERS = "/settings/administration/users/"
COMPANIES = "/settings/administration/companies/"


def part(name, value):
    return b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n' % (name, value)


def at_the_server(method, address, body, kind, cookies="", **headers):
    """The status that a web server gets from the site's own entry, where nothing of the test client helps."""
    path, _, query = address.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "QUERY_STRING": query,
        "CONTENT_TYPE": kind,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
        "HTTP_HOST": "localhost:8000",
        "HTTP_COOKIE": f"csrf={TOKEN}; {cookies}",
        "HTTP_X_CSRFTOKEN": TOKEN,
        **headers,
    }
    setup_testing_defaults(environ)
    told = []

    def start(status, headers, trouble=None):
        told.append(int(status.split()[0]))
        return told.append

    try:
        answer: Any = application(environ, start)
    except Exception:  # which a web server makes a 500 of
        return 599
    answer.close()
    return told[0]


def is_clear(answer):
    """A redirect or a 4xx, with something to read."""
    told = answer.content.startswith(b"{") or b"<h1>" in answer.content
    return answer.status_code == 302 or (400 <= answer.status_code < 500 and told)


@pytest.fixture
def petra(administrator):
    """An administrator who just signed in, whose browser shows a 500 instead of raising it."""
    administrator.client.raise_request_exception = False
    return administrator


@pytest.fixture
def stranger(db):
    client = browser()
    client.raise_request_exception = False
    return client


@pytest.fixture
def claimant(kim):
    """Kim, who has an app and entered the password."""
    kim.set_up_app()
    kim.client.raise_request_exception = False
    kim.enter_password()
    return kim


@pytest.fixture
def wary(admin):
    """Petra signed in, in a browser whose forms the site checks as it does outside tests; call it to send a body."""
    client = Client(True, raise_request_exception=False, SERVER_NAME="localhost", SERVER_PORT="8000")
    client.get("/login/")
    form = {"username": "petra", "password": PASSWORD}
    assert client.post("/login/", form, HTTP_X_CSRFTOKEN=client.cookies["csrf"].value).status_code == 302

    def send(path, body, kind, **headers):
        token = client.cookies["csrf"].value
        return client.generic("POST", path, body, kind, HTTP_X_CSRFTOKEN=token, **headers)

    return send


@pytest.fixture
def ids(kim, company):
    """Things that exist, so that only the input is wrong."""
    return {"user_id": kim.user.pk, "company_id": company.pk, "passkey_id": kim.add_passkey().pk}


@pytest.fixture
def open_connection(db):
    """The test's transaction outlives requests at the site's own entry, as it does those of the test client."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


# --- Methods ---


@pytest.mark.row("ASVS-4.1.4", "V29")
def test_every_address_answers_its_own_methods_and_405_to_all_others(petra, ids):
    own = petra.add_passkey()
    assert petra.use_passkey().status_code == 200
    wrong = {}

    for page in pages():
        parts = ids | ({"passkey_id": own.pk} if page.name.startswith("own_mfa:") else {})
        for method in METHODS:
            if method not in page.methods:
                answer = petra.client.generic(method, page.path(**parts))
                # A step of the login sends all who do not belong there on, before it looks at what they want.
                if answer.status_code != (302 if page.name in LOGIN_STEPS else 405):
                    wrong[page.name, method] = answer.status_code

    assert wrong == {}


def test_a_wrong_method_gets_a_page_or_a_code_and_is_told_the_right_ones(petra, stranger):
    for client, path, allowed in (
        (petra.client, "/portal/", "GET, HEAD"),
        (petra.client, "/user-settings/", "GET, HEAD, POST"),
        (stranger, "/login/", "GET, HEAD, POST"),
        (stranger, "/logout/", "POST"),
    ):
        page = client.delete(path)
        assert (page.status_code, page.headers["Allow"]) == (405, allowed)
        assert "This address is not a page" in page.content.decode()
        told = client.delete(path, HTTP_ACCEPT="application/json")
        assert (told.status_code, told.headers["Allow"]) == (405, allowed)
        assert told.json() == {"error": "method_not_allowed"}
        assert client.head("/logout/").content == b""


@pytest.mark.row("ASVS-3.5.3")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_a_page_changes_nothing(method, petra, ids):
    before = everything()

    for page in pages():
        answer = petra.client.generic(method, page.path(**ids))
        assert answer.status_code < 500, page.name

    assert everything() == before


@pytest.mark.parametrize("method", [*METHODS, "OPTIONS"])
def test_no_method_makes_the_site_fail_for_strangers_and_people_half_way(method, stranger, claimant, ids):
    before = everything("AuditEvent")

    for client in (stranger, claimant.client):
        for page in pages():
            answer = client.generic(method, page.path(**ids))
            assert answer.status_code < 500, page.name
            if (page.name, method) == ("logout", "POST"):
                claimant.enter_password()

    assert everything("AuditEvent") == before


# --- Ids and links that lead nowhere ---


def test_unknown_ids_are_not_found_and_change_nothing(petra):
    before = everything()

    for page in pages():
        if "<uuid:" in page.pattern:
            for method in page.methods:
                answer = petra.client.generic(method, page.path(), "name=x", FORM)
                assert answer.status_code == 404, (page.name, method)
            told = petra.client.generic(method.replace("HEAD", "GET"), page.path(), "{}", "application/json")
            assert (told.status_code, told.json()) == (404, {"error": "not_found"}), page.name

    assert everything() == before


def test_what_is_not_an_id_is_not_found(petra):
    odd_ids = ["0", "-1", "kim", "None", "%00", "%F0%9F%92%A9", "%ff", "..", "' OR 1=1", "{}", "a" * 300, "ffffffff"]
    names = {"settings:user", "settings:user_mfa:passkey_delete", "settings:company", "own_mfa:passkey_rename"}

    for page in (page for page in pages() if page.name in names):
        for odd in odd_ids:
            path = page.path(user_id=odd, company_id=odd, passkey_id=odd)
            assert petra.client.get(path).status_code == 404, path


@pytest.mark.parametrize("name", ["password_reset_confirm", "invitation"])
def test_a_link_that_is_none_is_a_4xx_and_takes_nothing(name, stranger, kim):
    page = next(page for page in pages() if page.name == name)
    mine = urlsafe_base64_encode(str(kim.user.pk).encode())
    links = [
        *itertools.product((mine, "MDAw"), ("c5q3yx-0123456789abcdef0123456789abcdef", "set-password", "choose")),
        ("%00", "%00"),
        ("%ff", "%ff-%ff"),
        ("%F0%9F%92%A9", "%F0%9F%92%A9-x"),
        ("=", "-"),
        ("__--", "zzzzzzzzzzzzzzzzz-x"),
        ("A" * 5000, "b" * 5000 + "-c"),
        (mine, "b" * 5000 + "-c"),
    ]
    before = everything()
    answers = {}

    chosen = {"new_password1": "a password of a stranger", "new_password2": "a password of a stranger"}
    for uidb64, token in links:
        path = page.path(uidb64=uidb64, token=token)
        answers[path[:60]] = stranger.get(path).status_code, stranger.post(path, chosen).status_code

    assert everything() == before
    assert {path for path, both in answers.items() if not all(400 <= status < 500 for status in both)} == set()


@pytest.mark.parametrize(
    "path",
    [
        "/nope/",
        "/favicon.ico",
        "/static/nope.css",
        "/static/%00",
        "/static/../manage.py",
        "/static/%ff",
        "/%00",
        "/%ff",
    ],
)
def test_an_unknown_path_is_not_found(path, stranger, petra):
    assert stranger.get(path).status_code == 404
    assert petra.client.get(path).status_code == 404


# --- Bodies that cannot be read ---

BIG = b"x" * 1_000_000
UNREADABLE = {
    "1 MB form": (b"name=" + BIG, FORM),
    "1 MB multipart": (part(b"name", BIG) + b"--x--\r\n", PARTS),
    "101 fields": (b"&".join(b"f%d=1" % number for number in range(101)), FORM),
    "101 parts": (b"".join(part(b"f%d" % number, b"1") for number in range(101)) + b"--x--\r\n", PARTS),
    "multipart without a boundary": (b"--x--\r\n", "multipart/form-data"),
    "multipart with an odd boundary": (b"--x--\r\n", "multipart/form-data; boundary=\xff"),
    "a form in UTF-16": ("name=x".encode("utf-16"), f"{FORM}; charset=utf-16"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_body_that_cannot_be_read_is_a_4xx_at_every_address_that_takes_one(kind, wary, ids):
    body, content_type = UNREADABLE[kind]
    before = everything()
    answers = {}

    for page in pages():
        if "POST" in page.methods:
            answer = wary(page.path(**ids), body, content_type)
            answers[page.name] = is_clear(answer) and answer.status_code != 302

    assert answers == dict.fromkeys(answers, True)
    assert everything() == before


@pytest.mark.parametrize("accept", ["*/*", "application/json"])
def test_too_much_is_told_to_scripts_as_a_code(accept, stranger):
    answer = stranger.generic(
        "POST", "/passkeys/authentication/", b'{"x": "' + BIG + b'"}', "application/json", HTTP_ACCEPT=accept
    )

    assert 400 <= answer.status_code < 500
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json()["error"]


# Python's codecs know more than character sets, and some of these bring in what no database takes.
CHARSETS = {
    "hex": b"78",
    "rot13": b"x",
    "undefined": b"x",
    "idna": b"x" * 70,
    "nope": b"x",
    "utf-7": b"+2AA-",
    "unicode_escape": rb"\ud800",
    "raw_unicode_escape": rb"\ud800\u0000",
    "utf-16": "\x00x".encode("utf-16"),
    "latin-1": b"\xff\x00",
}


@pytest.mark.parametrize("charset", CHARSETS)
def test_no_character_set_makes_the_site_fail(charset, petra, open_connection):
    value = CHARSETS[charset]
    body = (
        part(b"username", value) + part(b"password", value) + part(b"email", value) + part(b"q", value) + b"--x--\r\n"
    )
    cookies = f"session={petra.client.cookies['session'].value}"
    before = everything("AuditEvent")
    answers = {}

    for path in ("/login/", "/password-reset/", "/portal/", USERS, COMPANIES):
        for query in ("", f"q={quote(value)}&next=/{quote(value)}"):
            address = f"{path}?{query}"
            kind = f"{PARTS}; charset={charset}"
            answers["POST", address] = at_the_server("POST", address, body, kind, cookies)
            answers["GET", address] = at_the_server("GET", address, b"", f"text/plain; charset={charset}", cookies)

    assert {address: status for address, status in answers.items() if status >= 500} == {}
    assert everything("AuditEvent") == before


def test_a_content_type_of_any_length_does_not_make_the_site_fail(open_connection):
    for kind in ("x" * 20_000, "text/plain;" * 2000, f"{FORM}; charset=" + "x" * 20_000):
        assert at_the_server("POST", "/login/", b"username=x", kind) < 500


# --- Headers ---


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_REFERER": "http://["},
        {"HTTP_REFERER": "http://localhost:8000//evil.example"},
        {"HTTP_REFERER": "\x00"},
        {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://["},
        {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "http://localhost:8000//evil.example/"},
        {"HTTP_HX_REQUEST": "true", "HTTP_HX_CURRENT_URL": "%ff", "HTTP_HX_CURRENT_URL_URI_AUTOENCODED": "true"},
        {"HTTP_ACCEPT": "\x00;;q=x,,"},
        {"HTTP_ACCEPT": "application/json;q=nan"},
        {"HTTP_ACCEPT": "text/" * 3000},
        {"HTTP_ACCEPT_LANGUAGE": "\xff,de;q=9,*;q=x"},
        {"HTTP_ACCEPT_LANGUAGE": "e" * 20_000},
        {"HTTP_COOKIE": "session=; csrf=;;=;\xff"},
        {"HTTP_COOKIE": "session=\x00; language=\x00"},
        {"HTTP_COOKIE": "session=" + "a" * 20_000},
        {"HTTP_USER_AGENT": "\x00\x00"},
        {"HTTP_USER_AGENT": "\xff" * 20_000},
        {"CONTENT_TYPE": "\x00"},
        {"HTTP_X_FORWARDED_FOR": "kim, \x00"},
        {"REMOTE_ADDR": ""},
        {"REMOTE_ADDR": "unix:"},
        {"REMOTE_ADDR": "fe80::1%eth0"},
        {"REMOTE_ADDR": "::ffff:192.0.2.1"},
    ],
    ids=lambda headers: " ".join(headers),
)
def test_odd_headers_are_read_as_nothing(headers, stranger, petra, settings):
    settings.BEHIND_PROXY = "HTTP_X_FORWARDED_FOR" in headers
    for client in (stranger, petra.client):
        for path in ("/login/", "/portal/", f"{USERS}?q=k", "/nope/"):
            for method in ("GET", "POST"):
                answer = client.generic(method, path, b"", **headers)
                assert answer.status_code < 500, (path, method)
                assert "evil" not in answer.headers.get("Location", "")
                assert "evil" not in answer.headers.get("HX-Redirect", "")
    form = {"username": "petra", "password": "wrong"}
    assert stranger.post("/login/", form, **{"CONTENT_TYPE": FORM} | headers).status_code in {400, 403}


def test_another_host_gets_a_400_that_does_not_name_it(stranger):
    for headers in ({}, {"HTTP_ACCEPT": "application/json"}, {"HTTP_HX_REQUEST": "true"}):
        for path in ("/login/", "/portal/", "/nope/"):
            answer = stranger.get(path, HTTP_HOST="evil.example", **headers)
            assert answer.status_code == 400
            assert "evil" not in answer.content.decode()


# --- Fields ---

MISSING = object()
BAD_FIELDS: dict[str, tuple[dict[str, str], dict[str, list[Any]]]] = {
    "/login/": (
        {"username": "petra", "password": PASSWORD},
        {
            "username": [MISSING, "", " ", "\x00", "petra\x00", "x" * 255, ["petra", ""], "\ufffd"],
            "password": [MISSING, "", "\x00", f"{PASSWORD}\x00", f"{PASSWORD} ", "x" * 1025, [PASSWORD, "x"], "x"],
        },
    ),
    "/password-reset/": (
        {"email": "petra@acme.example"},
        {
            "email": [
                MISSING,
                "",
                "petra@",
                "a@b\x00.example",
                "a" * 255 + "@acme.example",
                ["petra@acme.example", ""],
            ]
        },
    ),
    "/user-settings/": (
        {"first_name": "Petra", "last_name": "Vogt", "email": "petra@acme.example", "language": ""},
        {
            "first_name": ["x" * 151, "\x00"],
            "last_name": ["x" * 151, "\x00"],
            "email": ["petra", "@", "a@b\x00.example", "a" * 255 + "@acme.example", "KIM@acme.example"],
            "language": ["xx", "DE ", "\x00", ["en", "xx"]],
        },
    ),
    "/user-settings/password/": (
        {"old_password": PASSWORD, "new_password1": "four words in line", "new_password2": "four words in line"},
        {
            "old_password": [MISSING, "", "wrong", "\x00", f"{PASSWORD} ", "x" * 1025],
            "new_password1": [MISSING, "", "different words", "\x00", "x" * 1025],
            "new_password2": [MISSING, "", "different words", "four words in line "],
        },
    ),
    f"{USERS}new/": (
        {"username": "nadia", "email": "nadia@acme.example", "role": "member", "company": "{company}"},
        {
            "username": [
                MISSING,
                "",
                " ",
                "na dia",
                "na@dia",
                "nadia/",
                "<nadia>",
                "na\x00dia",
                "x" * 151,
                "KIM",
                "\ufffd",
            ],
            "email": ["nadia", "nadia@", "a@b\x00.example", "a" * 255 + "@acme.example", "Kim@ACME.example"],
            "first_name": ["x" * 151, "\x00"],
            "role": [MISSING, "", "owner", "Administrator", "\x00", ["member", "owner"]],
            "company": [MISSING, "", "1", "{nobody}", "\x00", "acme", ["{company}", "x"]],
        },
    ),
    f"{COMPANIES}new/": (
        {"name": "Südwerk"},
        {"name": [MISSING, "", "  ", "x" * 201, "Süd\x00werk", "ACME MACHINES", ["Südwerk", ""]]},
    ),
}
CASES = [
    pytest.param(path, field, value, id=f"{path} {field} {'missing' if value is MISSING else ascii(value)[:30]}")
    for path, (_good, fields) in BAD_FIELDS.items()
    for field, values in fields.items()
    for value in values
]


@pytest.mark.row("ASVS-2.2.1, 2.2.2")
@pytest.mark.parametrize(("path", "field", "value"), CASES)
def test_a_field_that_is_wrong_is_a_400_that_says_so_and_changes_nothing(
    path, field, value, petra, stranger, kim, company
):
    client = stranger if path in {"/login/", "/password-reset/"} else petra.client
    good: dict[str, Any] = {name: text.format(company=company.pk) for name, text in BAD_FIELDS[path][0].items()}
    nobody = "00000000-0000-4000-8000-000000000000"
    if value is MISSING:
        form = {name: text for name, text in good.items() if name != field}
    else:
        values = [
            text.format(company=company.pk, nobody=nobody) for text in ([value] if isinstance(value, str) else value)
        ]
        form = good | {field: values}
    before = everything("AuditEvent")
    signed_in = Session.objects.filter(user__isnull=False).count()

    answer = client.post(path, form)

    page = answer.content.decode()
    assert answer.status_code == 400
    assert 'class="error"' in page or 'class="note bad"' in page
    assert everything("AuditEvent") == before
    assert Session.objects.filter(user__isnull=False).count() == signed_in


@pytest.mark.parametrize("path", BAD_FIELDS)
def test_the_same_forms_filled_in_well_are_taken(path, petra, stranger, company):
    client = stranger if path in {"/login/", "/password-reset/"} else petra.client

    answer = client.post(path, {name: text.format(company=company.pk) for name, text in BAD_FIELDS[path][0].items()})

    assert answer.status_code == 302


@pytest.mark.parametrize("value", [None, "", " ", "x" * 65, "\x00", "a\x00b"])
def test_a_passkey_gets_no_odd_name(value, kim):
    kim.client.raise_request_exception = False
    passkey = kim.add_passkey()
    assert kim.use_passkey().status_code == 200
    before = everything()

    form = {} if value is None else {"name": value}
    answer = kim.client.post(f"/user-settings/mfa/passkeys/{passkey.pk}/rename/", form)

    assert answer.status_code == 400
    assert everything() == before


@pytest.mark.parametrize("odd", ["%ED%A0%80", "%FF%FE", "%C0%80", "%F4%90%80%80"])
def test_bytes_that_are_no_text_are_read_as_something_harmless(odd, petra, stranger, company):
    assert stranger.generic("POST", "/login/", f"username={odd}&password={odd}", FORM).status_code == 400
    body = f"username={odd}&role=member&company={company.pk}"
    assert petra.client.generic("POST", f"{USERS}new/", body, FORM).status_code == 400
    assert petra.client.generic("POST", f"{COMPANIES}new/", f"name={odd}", FORM).status_code == 302
    assert "\ufffd" in Company.objects.exclude(pk=company.pk).get().name
    for path in (USERS, COMPANIES):
        assert petra.client.get(f"{path}?q={odd}").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "q=%00",
        "q=" + "x" * 5000,
        "q=" + "x+" * 500,
        "q=%25&q=_",
        "q='",
        "page=0",
        "page=-1",
        "page=x",
        "page=1e9",
        "page=nan",
        "page=%D9%A1",
        "page=" + "9" * 5000,
        "page=1&page=2",
        "sort=password",
        "sort=-search_text",
        "show=everybody",
        "show=%00",
        "company=x",
        "company=00000000-0000-4000-8000-000000000000",
        "company=%00",
        "q[]=x&page[]=2",
        "&&&===",
    ],
)
def test_a_list_takes_an_odd_address_as_not_asked(query, petra, kim):
    for path in (USERS, COMPANIES):
        assert petra.client.get(f"{path}?{query}").status_code == 200


@pytest.mark.parametrize("path", ["/login/", "/portal/", USERS, "/confirm/"])
def test_too_many_parameters_in_an_address_are_a_400_or_not_looked_at(path, petra, stranger):
    many = "&".join(f"p{number}=1" for number in range(101))

    for client in (petra.client, stranger):
        assert client.get(f"{path}?{many}").status_code in {200, 302, 400}


# --- Codes ---

BAD_CODES = {
    "missing": None,
    "blank": "",
    "spaces": "   ",
    "NUL": "\x00",
    "zeros": "000000",
    "short": "{code:.5}",
    "long": "{code}0",
    "plus": "+{code}",
    "underscores": "{code:.3}_{code}",
    "leading zero lost": "152",
    "full-width and seven": "１２３４５６７",
    "arabic": "١٢٣٤٥٦",
    "superscript": "¹²³⁴⁵⁶",
    "hexadecimal": "0x1e240",
    "exponent": "1e5",
    "float": "{code}.0",
    "negative and seven": "-{code}0",
    "null": "null",
    "true": "true",
    "list": "[]",
    "object": "{{}}",
    "two codes": "{code},{code}",
    "SQL": "' OR '1'='1",
    "41 characters": "1" * 41,
    "20,000 characters": "1" * 20_000,
    "recovery code of nobody": "ABCD-EFGH-JKMN-PQRS",
}


def odd_codes(code):
    """Each odd code as a form, made from a right `code`."""
    return {name: {} if odd is None else {"code": odd.format(code=code)} for name, odd in BAD_CODES.items()}


@pytest.mark.row("B-12")
def test_an_odd_code_is_a_400_at_the_same_step(claimant):
    before = everything("AuditEvent")

    for name, form in odd_codes(claimant.code()).items():
        Budget.objects.all().delete()
        answer = claimant.client.post("/login/challenge/", form)
        assert answer.status_code == 400, name
        assert 'class="error"' in answer.content.decode(), name
        assert claimant.asked_for == "/login/challenge/", name

    assert everything("AuditEvent") == before
    claimant.enter_code()
    assert claimant.is_in


def test_an_odd_recovery_code_is_a_400_and_uses_none_up(claimant):
    for name, form in odd_codes("7654321").items():
        Budget.objects.all().delete()
        answer = claimant.client.post("/login/challenge/?with=recovery", form)
        assert answer.status_code == 400, name

    assert claimant.user.recovery_codes.filter(used_at=None).count() == 10
    assert not claimant.is_in


def test_an_odd_code_confirms_nobody(claimant, time_machine):
    claimant.enter_code()
    time_machine.move_to(claimant.user.created_at.timestamp() + 16 * 60)

    for name, form in odd_codes(claimant.code()).items():
        Budget.objects.all().delete()
        answer = claimant.client.post("/confirm/", form | {"next": "/user-settings/password/"})
        assert answer.status_code == 400, name

    assert claimant.client.get("/user-settings/password/").headers["Location"].startswith("/confirm/")


def test_an_odd_code_sets_up_no_app(kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.client.raise_request_exception = False
    kim.enter_password()
    begun = begin_set_up(kim)

    for name, form in odd_codes(kim.code()).items():
        assert kim.client.post("/login/setup/two-factor/", begun | form).status_code == 400, name

    assert not kim.user.authenticator_apps.exists()
    assert kim.asked_for == "/login/setup/two-factor/"


@pytest.mark.parametrize("setup", [None, "", "x", "\x00", "x" * 10_000, ["x", ""]])
def test_a_set_up_that_was_never_begun_confirms_nothing(setup, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.client.raise_request_exception = False
    kim.enter_password()
    begin_set_up(kim)

    form = {"code": kim.code()} | ({} if setup is None else {"setup": setup})
    answer = kim.client.post("/login/setup/two-factor/", form)

    assert answer.status_code == 400
    assert not kim.user.authenticator_apps.exists()


@pytest.mark.parametrize("saved", [None, "", "false", "False"])
def test_recovery_codes_are_not_saved_by_an_empty_box(saved, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    kim.enter_password()
    set_up(kim)

    answer = kim.client.post("/login/setup/recovery-codes/", {} if saved is None else {"saved": saved})

    assert answer.status_code == 400
    assert kim.asked_for == "/login/setup/recovery-codes/"


# --- JSON ---

ENDPOINTS = (
    "/passkeys/authentication/options/",
    "/passkeys/authentication/",
    "/passkeys/registration/options/",
    "/passkeys/registration/",
)
NOT_AN_OBJECT = {
    "nothing": b"",
    "not JSON": b"{",
    "null": b"null",
    "true": b"true",
    "a number": b"1",
    "NaN": b"NaN",
    "a text": b'"x"',
    "a list": b"[]",
    "a list of objects": b'[{"credential": {}}]',
    "a list 60,000 deep": b"[" * 60_000,
    "objects 10,000 deep": b'{"a":' * 10_000,
    "6,000 digits": b"9" * 6000,
    "bytes that are no text": b'{"x": "\xff"}',
    "NUL": b"\x00",
    "a form": b"credential=x",
    "two objects": b"{}{}",
    "a trailing comma": b'{"a": 1,}',
}


@pytest.mark.parametrize("path", ENDPOINTS)
def test_what_is_no_json_object_is_a_400_with_a_code(path, stranger, claimant, petra):
    before = everything()

    for name, body in NOT_AN_OBJECT.items():
        for client in (stranger, claimant.client, petra.client):
            answer = client.generic("POST", path, body, CONTENT_TYPE="application/json")
            assert (answer.status_code, answer.json()["error"]) == (400, "not_json"), name
            assert answer.json()["message"]

    assert everything() == before


@pytest.mark.parametrize("path", ENDPOINTS)
def test_json_under_another_name_is_refused_so_that_no_plain_form_can_send_it(path, stranger, petra):
    before = everything()

    for kind in ("", "text/plain", FORM, PARTS, "application/jsonx", "text/json", "application/xml"):
        for client in (stranger, petra.client):
            answer = client.generic("POST", path, b"{}", kind)
            assert (answer.status_code, answer.json()["error"]) == (415, "json_expected"), kind

    assert everything() == before


@pytest.mark.parametrize("path", ENDPOINTS)
def test_more_than_a_passkey_says_is_a_413(path, stranger, petra):
    for client in (stranger, petra.client):
        answer = client.generic("POST", path, json.dumps({"x": "x" * 70_000}), "application/json")
        assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    "",
    "x",
    "\x00",
    "\ud800",
    "é",
    "=",
    [],
    [[]],
    {},
    {"id": {}},
    "A" * 2000,
]


def odd_answers(answer):
    """`answer` of a passkey with one part after the other missing or odd."""
    for place in ([], ["response"]):
        for name in list(answer["response"] if place else answer):
            bent = json.loads(json.dumps(answer))
            inner = bent["response"] if place else bent
            del inner[name]
            yield bent
            for odd in ODD_VALUES:
                yield json.loads(json.dumps(bent)) | (
                    {"response": bent["response"] | {name: odd}} if place else {name: odd}
                )
    yield from ODD_VALUES


def test_no_bent_answer_of_a_passkey_signs_anybody_in_or_makes_the_site_fail(kim, stranger):
    kim.add_passkey()
    kim.client.raise_request_exception = False
    before = everything("AuditEvent")
    tried = 0

    options = kim.json(ENDPOINTS[0], {}).json()
    for bent in odd_answers(kim.authenticator.get(options)):
        Budget.objects.all().delete()
        kim.json(ENDPOINTS[0], {})
        answer = kim.json(ENDPOINTS[1], {"credential": bent})
        assert answer.status_code == 400, bent
        assert answer.json()["error"] in {"passkey_refused", "unknown_passkey"}
        tried += 1

    assert tried > 100
    assert everything("AuditEvent") == before
    assert not kim.is_in


def test_no_bent_answer_makes_a_passkey(kim):
    kim.client.raise_request_exception = False
    kim.sign_in()
    tried = 0

    made = kim.authenticator.create(kim.json(ENDPOINTS[2], {}).json())
    for bent in odd_answers(made):
        kim.json(ENDPOINTS[2], {})
        answer = kim.json(ENDPOINTS[3], {"credential": bent})
        assert answer.status_code == 400, bent
        assert answer.json()["error"] == "passkey_refused"
        tried += 1

    assert tried > 100
    assert not Passkey.objects.exists()


@pytest.mark.parametrize("odd", ODD_VALUES, ids=ascii)
def test_an_odd_next_in_json_leads_home(odd, kim):
    kim.add_passkey()
    options = kim.json(ENDPOINTS[0], {}).json()

    answer = kim.json(ENDPOINTS[1], {"credential": kim.authenticator.get(options), "next": odd})

    assert (answer.status_code, answer.json()) == (200, {"next": "/"})


def test_a_next_that_is_no_text_does_not_break_the_end_of_the_login(kim, admin):
    kim.add_passkey()
    services.enable_two_factor(kim.user, actor=admin)
    kim.client.raise_request_exception = False
    options = kim.json(ENDPOINTS[0], {}).json()
    answer = kim.json(ENDPOINTS[1], {"credential": kim.authenticator.get(options), "next": "/\ud800"})
    assert answer.json() == {"next": "/login/setup/two-factor/"}
    set_up(kim)

    answer = kim.client.post("/login/setup/recovery-codes/", {"saved": "on"})

    assert answer.status_code == 302
    assert kim.is_in


@pytest.mark.row("ASVS-15.3.6")
def test_keys_that_mean_something_elsewhere_mean_nothing_here(kim):
    kim.add_passkey()
    options = kim.json(ENDPOINTS[0], {}).json()
    body = {"__proto__": {"x": 1}, "constructor": {}, "person": "petra", "user": "petra", "user_id": "petra"}

    answer = kim.json(ENDPOINTS[1], {"credential": kim.authenticator.get(options)} | body)

    assert answer.status_code == 200
    assert kim.client.get("/portal/").wsgi_request.user == kim.user


def test_a_challenge_that_is_no_unicode_is_refused(kim):
    """Half a character, as JSON can write it and no encoding can."""
    kim.add_passkey()
    kim.client.raise_request_exception = False
    assert kim.use_passkey(challenge="\ud800").status_code == 400
    assert kim.use_passkey().status_code == 200
    assert kim.create_passkey(challenge="\ud800").status_code == 400
