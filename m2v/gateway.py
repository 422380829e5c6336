"""The gateway between the server and Django: whole requests only, bounded in size and time, so that none blocks
others.

A request takes no thread before all of its body has arrived. Until then it is a
connection in an event loop, of which there can be thousands; a body has
BODY_SECONDS to arrive and is no longer than Django reads. Then one of a few
threads answers it, through Django's WSGI handler: its ASGI handler would do
everything synchronous in a single one.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from django.conf import settings
from django.core.files.uploadhandler import FileUploadHandler, SkipFile

from m2v.headers import without_django

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, HTTPScope, Scope

BODY_SECONDS = 20
THREADS = 4  # of a process; each may hold a database connection
MOST_WAITING = 256  # requests that wait for a thread; who comes on top is asked to come again

LONGEST_CONTENT_TYPE = 255
OTHER_CHARSET = re.compile(r"""charset\s*=\s*["']?(?!utf-?8\b)""", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that never reaches Django."""

    status: HTTPStatus
    text: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def body(self) -> bytes:
        return self.text.encode()

    def all_headers(self) -> list[tuple[str, str]]:
        own = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(self.body)))]
        return [*own, *self.headers, *without_django()]


class RequestRefused(Exception):
    """The request is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.text)
        self.refusal = refusal


CLOSE = ("Connection", "close")  # what is left of the body is not read
NOT_UTF8 = Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This site reads UTF-8.")
NO_LENGTH = Refusal(HTTPStatus.BAD_REQUEST, "The Content-Length is no length.", (CLOSE,))
TOO_LARGE = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "That is more than this site reads: 256 kB.", (CLOSE,))
TOO_SLOW = Refusal(HTTPStatus.REQUEST_TIMEOUT, "The rest of the request did not arrive in 20 seconds.", (CLOSE,))
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, "Too many people at once. Try again in a moment.", (("Retry-After", "5"),)
)


def look_at_headers(content_type: str, content_length: str) -> None:
    """Refuse whatever can be refused without reading the body. Raises RequestRefused.

    A character set other than UTF-8 is refused before Django decodes the address with it: Python's codecs
    know more than character sets; some of them fail on text, and some bring in what no database takes.
    """
    if len(content_type) > LONGEST_CONTENT_TYPE or OTHER_CHARSET.search(content_type):
        raise RequestRefused(NOT_UTF8)
    if content_length and not (content_length.isascii() and content_length.isdigit()):
        raise RequestRefused(NO_LENGTH)
    # int() takes time by the square of what it reads.
    if len(content_length) > 9 or int(content_length or 0) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
        raise RequestRefused(TOO_LARGE)


def guarded(application: WSGIApplication) -> WSGIApplication:
    """The same for servers that speak WSGI; they read the body themselves."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        try:
            look_at_headers(environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH", ""))
        except RequestRefused as refused:
            said = refused.refusal
            start_response(f"{said.status} {said.status.phrase}", said.all_headers())
            return ClosingBody([said.body])
        return application(environ, start_response)

    return checked


class ClosingBody(list[bytes]):
    """A body that servers may close, as they close Django's."""

    def close(self) -> None:
        """There is nothing to close."""


@dataclass
class Answer:
    """What the application said, whole."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""

    def start(self, status: str, headers: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
        """WSGI's start_response."""
        self.status = int(status[:3])
        self.headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        return self.write

    def write(self, part: bytes) -> None:
        self.body += part


def answer_of(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """Have `application` answer, in the thread that calls this."""
    answer = Answer()
    parts = application(environ, answer.start)
    try:
        answer.body += b"".join(parts)
    finally:
        if close := getattr(parts, "close", None):
            close()
    return answer


class Gateway:
    """An ASGI application in front of a WSGI application; `at_end` is called after the last answer."""

    def __init__(self, application: WSGIApplication, at_end: Callable[[], None] | None = None) -> None:
        self.application = application
        self.at_end = at_end
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self.waiting = 0

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            try:
                answer = await self.answer(scope, receive)
            except RequestRefused as refused:
                answer = Answer(body=refused.refusal.body)
                answer.start(str(refused.refusal.status.value), refused.refusal.all_headers())
            except ClientGone:
                return
            await send(
                {"type": "http.response.start", "status": answer.status, "headers": answer.headers, "trailers": False}
            )
            await send({"type": "http.response.body", "body": answer.body, "more_body": False})
        elif scope["type"] == "lifespan":
            await self.live(receive, send)

    async def answer(self, scope: HTTPScope, receive: ASGIReceiveCallable) -> Answer:
        """Raises RequestRefused, and ClientGone."""
        environ = environ_of(scope)
        look_at_headers(environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH", ""))
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await whole_body(receive)
        except TimeoutError:
            raise RequestRefused(TOO_SLOW) from None
        environ |= {"wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        if self.waiting >= MOST_WAITING:
            raise RequestRefused(BUSY)
        self.waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self.threads, answer_of, self.application, environ)
        finally:
            self.waiting -= 1

    async def live(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Follow the server's start and stop; requests that are being answered are finished first."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self.threads.shutdown)
        if self.at_end:
            await asyncio.to_thread(self.at_end)
        await send({"type": "lifespan.shutdown.complete"})


class NoFiles(FileUploadHandler):
    """An upload handler that takes no file, so that none costs memory or disk."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Never called: `new_file` skips them all."""

    def file_complete(self, file_size: int) -> None:
        """There is none."""


class ClientGone(Exception):
    """The client went away."""


async def whole_body(receive: Callable[[], Awaitable[Any]]) -> bytes:
    """The whole body. Raises RequestRefused if it is too long, and ClientGone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE:
            raise RequestRefused(TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)


def environ_of(scope: HTTPScope) -> WSGIEnvironment:
    """The WSGI environ of a request (PEP 3333), without its body."""
    server, client = scope.get("server") or ("localhost", 0), scope.get("client") or ("", 0)
    environ: WSGIEnvironment = {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": path_of(scope).decode("latin-1"),
        "QUERY_STRING": scope["query_string"].decode("latin-1"),
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "SERVER_PROTOCOL": f"HTTP/{scope.get('http_version', '1.1')}",
        "REMOTE_ADDR": client[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.get("scheme", "http"),
        "wsgi.errors": None,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for name, value in scope["headers"]:
        add_header(environ, name.decode("latin-1"), value.decode("latin-1"))
    return environ


def path_of(scope: HTTPScope) -> bytes:
    """The path as the client sent it. If the server kept only `path`, that is already decoded as UTF-8."""
    raw: bytes | None = scope.get("raw_path")
    return scope["path"].encode() if raw is None else unquote_to_bytes(raw.partition(b"?")[0])


def add_header(environ: WSGIEnvironment, name: str, value: str) -> None:
    """Add a header, unless its name has an underscore: it could pass for one with a hyphen that a proxy sets."""
    if "_" in name:
        return
    entry = name.upper().replace("-", "_")
    entry = entry if entry in {"CONTENT_TYPE", "CONTENT_LENGTH"} else f"HTTP_{entry}"
    if entry in environ:
        value = f"{environ[entry]}{';' if entry == 'HTTP_COOKIE' else ','}{value}"
    environ[entry] = value
