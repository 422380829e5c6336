"""Anything at all, sent to the site's own WSGI entry by anybody."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.cookies import SimpleCookie
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus

from django import forms
from django.apps import apps
from django.core.signals import got_request_exception, request_finished, request_started
from django.db import close_old_connections, transaction
from hypothesis import strategies as st

from m2v.wsgi import application
from tests.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "a" * 32


@dataclass
class Sent:
    """One request, before it is anybody's."""

    method: str = "GET"
    query: str = ""
    kind: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    odd_ids: tuple[str, ...] = ()


@dataclass
class Got:
    """What came back: the status (599 where the server got an exception), the session's cookie, and what went wrong."""

    status: int
    session: str | None
    location: str
    trouble: list[Any]


def send(sent: Sent, path: str, session: str | None = None) -> Got:
    """Send it to `path`, as the browser that has this session."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": sent.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path.encode("utf-8", "surrogatepass").decode("latin-1"),
        "QUERY_STRING": sent.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "CONTENT_TYPE": sent.kind,
        "CONTENT_LENGTH": str(len(sent.body)),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(sent.body),
        "wsgi.errors": None,
        "HTTP_HOST": "localhost:8000",
        "HTTP_X_CSRFTOKEN": TOKEN,
        **sent.headers,
    }
    cookies = [f"csrf={TOKEN}", f"session={session}" if session else "", sent.headers.get("HTTP_COOKIE", "")]
    environ["HTTP_COOKIE"] = "; ".join(filter(None, cookies))
    told: list[Any] = []
    trouble: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], failure: Any = None) -> Any:
        told[:] = [int(status.split(maxsplit=1)[0]), headers]
        return told.append

    def note(sender: Any, **_: Any) -> None:
        trouble.append(repr(sys.exc_info()[1]))

    got_request_exception.connect(note, weak=False)
    # The test's transaction outlives a request here, as it does one of the test client.
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    try:
        answer: Any = application(environ, start)
        answer.close()
    except Exception as failure:
        return Got(599, None, "", [repr(failure)])
    finally:
        got_request_exception.disconnect(note)
        for signal in (request_started, request_finished):
            signal.connect(close_old_connections)
    jar = SimpleCookie()
    for name, value in told[1]:
        if name == "Set-Cookie":
            jar.load(value)
    headers = dict(told[1])
    new = jar["session"].value if "session" in jar else None
    return Got(told[0], new, headers.get("Location", ""), trouble)


@contextmanager
def undone() -> Iterator[None]:
    """An example's own transaction, rolled back: the next one finds people and sessions as the fixtures made them.

    The site's own transactions become savepoints in it, which commit and roll back as they do in earnest.
    """
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def digest() -> str:
    """People, companies and all that `mfa` keeps. Sessions, the audit and counted failures may change with a refusal."""
    found = sha256()
    for model in apps.get_models():
        if model._meta.app_label in {"companies", "mfa"} or model.__name__ == "User":
            for row in model._default_manager.order_by("pk").values_list():
                found.update(repr([bytes(v) if isinstance(v, memoryview) else v for v in row]).encode())
    return found.hexdigest()


# --- Strategies ---


def field_names() -> list[str]:
    """The fields of every form there is, and what views read besides."""
    waiting: list[type[forms.BaseForm]] = [forms.BaseForm]
    names = {"next", "with", "later", "saved", "setup", "q", "page", "sort", "state", "csrfmiddlewaretoken", "keep"}
    while waiting:
        form = waiting.pop()
        waiting += form.__subclasses__()
        names |= set(getattr(form, "base_fields", ()))
    return sorted(names)


NASTY = [
    "",
    " ",
    "\x00",
    "a\x00b",
    "\r\n",
    "\x1b[2J",
    "\u202e\u2066moc.elpmaxe",
    "\ufeff",
    "\U0010ffff",
    "e\u0301",
    "İı\u017f\u212a",
    "١٢٣٤٥٦",
    "１２３４５６",
    "\u2066123\u2011456\u2069",
    "0123\u20134567\u201489AB\u2212CD\u00adEF",
    "\u200b\u00ad\ufeff",
    "000000",
    "-1",
    "1e999",
    "9" * 400,
    "A" * 2000,
    "0123-4567-89AB-CDEF",
    "None",
    "{}",
    "[]",
    "%00",
    "%s%n{0}{x.__class__}",
    "{{ 7 }}{% debug %}",
    "' OR 1=1 --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "//evil.example/",
    "/\\evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/portal/",
    "on",
    "true",
    "member",
    "administrator",
    "company_administrator",
    "set_up",
    "de",
    "en",
    "kim",
    "x@y.example",
    "kim@acme.example",
    "00000000-0000-4000-8000-000000000000",
    PASSWORD,
    "a quite different password",
]
CONTROLS = st.characters(max_codepoint=31)
text = st.one_of(
    st.sampled_from(NASTY),
    st.text(max_size=40),
    st.text(st.one_of(CONTROLS, st.characters(categories=["Cs", "Cf", "Zl", "Zp", "Mn"])), max_size=12),
)
name = st.one_of(st.sampled_from(field_names()), st.sampled_from(field_names()), text)
json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), text),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(text, inner, max_size=4)),
    max_leaves=12,
)
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\x00"), max_size=60)
HEADERS = {
    "HTTP_ACCEPT": [
        "application/json",
        "text/html",
        "*/*",
        "application/json;q=x",
        "text/html;q=0, application/json",
        ";,;",
    ],
    "HTTP_ACCEPT_LANGUAGE": ["de", "en-US,en;q=0.5", "*", "x" * 600, "en;q=nan", ",,,;q="],
    "HTTP_COOKIE": [
        "session=",
        "session=x",
        "session=%00",
        "language=de",
        "language=\xff",
        "messages=x",
        '="',
        "a=b;;=;",
    ],
    "HTTP_HX_REQUEST": ["true", "false", "TRUE"],
    "HTTP_HX_REQUEST_TYPE": ["partial", "full"],
    "HTTP_HX_BOOSTED": ["true"],
    "HTTP_HX_CURRENT_URL": ["http://localhost:8000/portal/", "http://[", "//evil.example", "%ff%00"],
    "HTTP_HX_CURRENT_URL_URI_AUTOENCODED": ["true"],
    "HTTP_HX_TARGET": ["window", "\xff"],
    "HTTP_REFERER": ["http://localhost:8000/login/", "http://[::1", "http://evil.example/", "\xff"],
    "HTTP_ORIGIN": ["http://localhost:8000", "null", "http://evil.example", "http://["],
    "HTTP_HOST": ["localhost:8000", "evil.example", "localhost:99999", "[::1", ""],
    "HTTP_X_FORWARDED_FOR": ["10.0.0.1", "x, y", "::1%eth0", "," * 50],
    "HTTP_X_FORWARDED_PROTO": ["https", "\xff"],
    "HTTP_X_FORWARDED_HOST": ["evil.example"],
    "HTTP_USER_AGENT": ["", "Firefox/1 Windows", "x" * 5000, "\xff\x01"],
    "HTTP_X_HTTP_METHOD_OVERRIDE": ["DELETE"],
    "HTTP_RANGE": ["bytes=0-", "bytes=x"],
    "HTTP_IF_NONE_MATCH": ["*", '"x'],
    "HTTP_IF_MODIFIED_SINCE": ["x", "Thu, 01 Jan 1970 00:00:00 GMT"],
    "HTTP_CONTENT_ENCODING": ["gzip"],
    "HTTP_TRANSFER_ENCODING": ["chunked"],
    "HTTP_AUTHORIZATION": ["Basic x", "Bearer \xff"],
    "REMOTE_ADDR": ["", "x", "::1", "10.0.0.1"],
    "CONTENT_LENGTH": ["", "0", "-1", "x", "1", "99999999"],
}
KINDS = [
    "",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=utf-8",
    "application/x-www-form-urlencoded; charset=latin-1",
    "application/x-www-form-urlencoded; charset=\x00",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "multipart/form-data; boundary=x",
    "multipart/form-data; boundary=\xff",
    "multipart/form-data; boundary=x; charset=utf-7",
    "multipart/mixed; boundary=x",
    "application/json",
    "application/json; charset=utf-16",
    "text/plain",
    "text/html; " + "x" * 300,
    ";;;",
]


def encoded(value: str) -> bytes:
    return value.encode("utf-8", "surrogatepass")


@st.composite
def form(draw: Any) -> tuple[str, bytes]:
    fields = draw(st.lists(st.tuples(name, text), max_size=8))
    pairs = [f"{quote_plus(encoded(key))}={quote_plus(encoded(value))}" for key, value in fields]
    return "application/x-www-form-urlencoded", draw(st.sampled_from(["&", "&&", ";"])).join(pairs).encode()


@st.composite
def parts(draw: Any) -> tuple[str, bytes]:
    """Multipart, sound or not."""
    body = b""
    for key, value in draw(st.lists(st.tuples(name, text), max_size=4)):
        more = draw(
            st.sampled_from([b"", b'; filename="x"', b'; filename=""', b'; filename="../\x00"', b"; filename*=x''%ff"])
        )
        head = draw(
            st.sampled_from(
                [b"", b"Content-Transfer-Encoding: base64\r\n", b"Content-Type: text/x; charset=x\r\n", b":\r\n"]
            )
        )
        body += b'--x\r\nContent-Disposition: form-data; name="%b"%b\r\n%b\r\n%b\r\n' % (
            encoded(key).replace(b'"', b"%22"),
            more,
            head,
            encoded(value),
        )
    return "multipart/form-data; boundary=x", body + draw(st.sampled_from([b"--x--\r\n", b"--x", b"", b"\r\n--x--x"]))


@st.composite
def json_body(draw: Any) -> tuple[str, bytes]:
    inner = draw(json_value)
    known = ("credential", "next", "response", "id", "rawId", "type")
    value = draw(st.one_of(st.just(inner), st.dictionaries(st.sampled_from(known), json_value, max_size=4)))
    return "application/json", json.dumps(value).encode()


RAW = st.tuples(st.sampled_from(KINDS), st.one_of(st.binary(max_size=80), form().map(lambda made: made[1])))
BODIES = st.one_of(form(), form(), parts(), json_body(), RAW)
METHODS = ["POST", "POST", "POST", "POST", "GET", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "X", ""]


@st.composite
def headers(draw: Any) -> dict[str, str]:
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=3, unique=True))
    return {key: draw(st.one_of(st.sampled_from(HEADERS[key]), LATIN)) for key in names}


@st.composite
def queries(draw: Any) -> str:
    pairs = draw(st.lists(st.tuples(st.one_of(st.just("next"), name), text), max_size=3))
    made = "&".join(f"{quote(encoded(key))}={quote(encoded(value))}" for key, value in pairs)
    return str(
        draw(st.one_of(st.just(made), st.just(made), st.sampled_from(["%", "%ff=%00", "&&;;=", "next", "\xff=\xfe"])))
    )


@st.composite
def requests(draw: Any) -> Sent:
    kind, body = draw(BODIES)
    odd = draw(st.sampled_from([(), (), (), (), "odd"]))
    return Sent(
        method=draw(st.sampled_from(METHODS)),
        query=draw(queries()),
        kind=kind,
        body=body,
        headers=draw(headers()),
        odd_ids=(draw(text), draw(text)) if odd else (),
    )
