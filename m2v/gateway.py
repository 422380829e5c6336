"""The gateway between the server and Django: whole requests only, bounded in size and time, so that none blocks
others.

A request takes no thread before all of its body has arrived. Until then it is a
connection in an event loop, of which there can be thousands; a body has
BODY_SECONDS to arrive and is no longer than Django reads. Then one of a few
threads answers it, through Django's WSGI handler: its ASGI handler would do
everything synchronous in a single one. A file of any length (a list as CSV)
takes a thread for each of its parts only, never while its reader is slow.
"""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from io import BytesIO
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.utils import translation
from django.utils.translation import get_language_from_request
from django.utils.translation import gettext_lazy as _

from m2v.headers import without_django
from m2v.request_ids import HEADER, as_part_of_request, request_id_of
from m2v.scopes import environ_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from asgiref.typing import ASGIReceiveCallable, ASGISendCallable, Scope
    from django.utils.functional import _StrPromise

BODY_SECONDS = 20
THREADS = 4  # of a process; each may hold a database connection
MOST_LONG_BODIES = 2  # of settings.LONGER_BODIES, that a process holds at the same time
MOST_WAITING = 256  # requests that wait for a thread; who comes on top is asked to come again

LONGEST_CONTENT_TYPE = 255
OTHER_CHARSET = re.compile(r"""charset\s*=\s*["']?(?!utf-?8\b)""", re.IGNORECASE)


@dataclass(frozen=True)
class Refusal:
    """The answer to a request that never reaches Django."""

    status: HTTPStatus
    text: _StrPromise
    headers: tuple[tuple[str, str], ...] = ()

    def answer(self, environ: WSGIEnvironment) -> tuple[list[tuple[str, str]], bytes]:
        """Headers and body, in the browser's language. Nothing else of the request is looked at."""
        accepted = environ.get("HTTP_ACCEPT_LANGUAGE", "")
        request = WSGIRequest({"REQUEST_METHOD": "GET", "wsgi.input": BytesIO(), "HTTP_ACCEPT_LANGUAGE": accepted})
        language = get_language_from_request(request)
        with translation.override(language):
            body = str(self.text).encode()
        own = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
        own += [("Content-Language", language), ("Vary", "Accept-Language")]
        return [*own, *self.headers, *without_django(), (HEADER, request_id_of(environ))], body


class RequestRefused(Exception):
    """The request is refused."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.status)
        self.refusal = refusal


CLOSE = ("Connection", "close")  # what is left of the body is not read
NOT_UTF8 = Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _("This site reads UTF-8."))
NO_LENGTH = Refusal(HTTPStatus.BAD_REQUEST, _("The Content-Length is not a length."), (CLOSE,))
TOO_LARGE = Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("That is more than this site reads: 256 kB."), (CLOSE,))
TOO_LARGE_EVEN_HERE = Refusal(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("This is more than this page takes. Go back, and divide it."), (CLOSE,)
)
TOO_SLOW = Refusal(HTTPStatus.REQUEST_TIMEOUT, _("The rest of the request did not arrive in 20 seconds."), (CLOSE,))
BUSY = Refusal(
    HTTPStatus.SERVICE_UNAVAILABLE, _("Too many requests at once. Try again in a moment."), (("Retry-After", "5"),)
)


def look_at_headers(content_type: str, content_length: str, longest: int) -> None:
    """Refuse whatever can be refused without reading the body, of `longest` bytes at most. Raises RequestRefused.

    A character set other than UTF-8 is refused before Django decodes the address with it: Python's codecs
    know more than character sets; some of them fail on text, and some bring in what no database takes.
    """
    if len(content_type) > LONGEST_CONTENT_TYPE or OTHER_CHARSET.search(content_type):
        raise RequestRefused(NOT_UTF8)
    if content_length and not (content_length.isascii() and content_length.isdigit()):
        raise RequestRefused(NO_LENGTH)
    # int() takes time by the square of what it reads.
    if len(content_length) > 9 or int(content_length or 0) > longest:
        raise RequestRefused(TOO_LARGE if longest == settings.LONGEST_BODY else TOO_LARGE_EVEN_HERE)


def longer_body(environ: WSGIEnvironment) -> int:
    """How long a body may be at this address, for those to whom its page opens, where that is more than elsewhere, and
    this one says that it is; else 0."""
    longest: int = settings.LONGER_BODIES.get(environ.get("PATH_INFO", ""), 0)
    length = environ.get("CONTENT_LENGTH", "")
    said = int(length) if length.isascii() and length.isdigit() and len(length) <= 9 else 0
    return longest if environ["REQUEST_METHOD"] == "POST" and said > settings.LONGEST_BODY else 0


def opens(application: WSGIApplication, environ: WSGIEnvironment) -> Answer:
    """What whoever sends this would see of its page: the page itself says whether they may, before their body is read."""
    asked = {name: value for name, value in environ.items() if name not in {"CONTENT_TYPE", "CONTENT_LENGTH"}}
    answer = answer_of(application, asked | {"REQUEST_METHOD": "HEAD", "wsgi.input": BytesIO(b"")})
    answer.headers = [(name, value) for name, value in answer.headers if name != b"content-length"]
    answer.headers += [(b"content-length", b"0"), (b"connection", b"close")]
    answer.body = b""
    return answer


def guarded(application: WSGIApplication) -> WSGIApplication:
    """The same for servers that speak WSGI; they read the body themselves."""

    def checked(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        longest = longer_body(environ)
        if longest and opens(application, environ).status != HTTPStatus.OK:
            longest = 0
        longest = longest or settings.LONGEST_BODY
        try:
            look_at_headers(environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH", ""), longest)
        except RequestRefused as refused:
            status = refused.refusal.status
            headers, body = refused.refusal.answer(environ)
            start_response(f"{status} {status.phrase}", headers)
            return ClosingBody([body])
        return application(environ, start_response)

    return checked


class ClosingBody(list[bytes]):
    """A body that servers may close, as they close Django's."""

    def close(self) -> None:
        """There is nothing to close."""


@dataclass
class Answer:
    """What the application said: whole, or with `parts` that follow. `end` is what it does once all was sent."""

    status: int = 500
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytes = b""
    parts: Iterator[bytes] | None = None
    end: Callable[[], object] | None = None

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
    close = getattr(parts, "close", None)
    if getattr(parts, "streaming", False) and not any(name == b"content-length" for name, _value in answer.headers):
        answer.parts, answer.end = iter(parts), close
        return answer
    try:
        answer.body += b"".join(parts)
    except BaseException:
        if close:
            close()
        raise
    if getattr(parts, "works_when_sent", False):
        answer.end = close
    elif close:
        close()
    return answer


class Gateway:
    """An ASGI application in front of a WSGI application."""

    def __init__(self, application: WSGIApplication, refused: Callable[[int], None] = lambda _status: None) -> None:
        self.application, self.refused = application, refused  # `refused` hears of what Django never sees
        self.threads = ThreadPoolExecutor(THREADS, thread_name_prefix="request")
        self.waiting = self.long_bodies = 0
        self.turn = asyncio.Semaphore(1)  # however many files are on their way, one thread makes their parts

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        if scope["type"] == "http":
            environ = environ_of(scope)
            request_id = request_id_of(environ)
            try:
                answer = await self.answer(environ, receive)
            except RequestRefused as refused:
                headers, body = refused.refusal.answer(environ)
                answer = Answer(body=body)
                answer.start(str(refused.refusal.status.value), headers)
                self.refused(answer.status)
            except ClientGone:
                return
            await send(
                {"type": "http.response.start", "status": answer.status, "headers": answer.headers, "trailers": False}
            )
            try:
                if answer.parts is not None:
                    await self.send_parts(
                        partial(as_part_of_request, request_id, next, answer.parts, None), receive, send
                    )
                await send({"type": "http.response.body", "body": answer.body, "more_body": False})
            finally:
                if answer.end:
                    end = partial(as_part_of_request, request_id, answer.end)
                    await asyncio.get_running_loop().run_in_executor(self.threads, end)
        elif scope["type"] == "lifespan":
            await self.live(receive, send)

    async def answer(self, environ: WSGIEnvironment, receive: ASGIReceiveCallable) -> Answer:
        """Raises RequestRefused, and ClientGone."""
        if not (longest := longer_body(environ)):
            return await self.read_and_answer(environ, receive, settings.LONGEST_BODY)
        page = await self.in_thread(opens, environ)
        if HTTPStatus.MULTIPLE_CHOICES <= page.status < HTTPStatus.BAD_REQUEST:
            return page  # to the login, or to confirm who they are
        if page.status != HTTPStatus.OK:
            longest = settings.LONGEST_BODY
        if self.long_bodies >= MOST_LONG_BODIES:
            raise RequestRefused(BUSY)
        self.long_bodies += 1
        try:
            return await self.read_and_answer(environ, receive, longest)
        finally:
            self.long_bodies -= 1

    async def read_and_answer(self, environ: WSGIEnvironment, receive: ASGIReceiveCallable, longest: int) -> Answer:
        look_at_headers(environ.get("CONTENT_TYPE", ""), environ.get("CONTENT_LENGTH", ""), longest)
        body = b""
        if announces_body(environ):
            try:
                async with asyncio.timeout(BODY_SECONDS):
                    body = await whole_body(receive, longest)
            except TimeoutError:
                raise RequestRefused(TOO_SLOW) from None
        environ["wsgi.input"], environ["CONTENT_LENGTH"] = BytesIO(body), str(len(body))
        return await self.in_thread(answer_of, environ)

    async def in_thread(
        self, ask: Callable[[WSGIApplication, WSGIEnvironment], Answer], environ: WSGIEnvironment
    ) -> Answer:
        if self.waiting >= MOST_WAITING:
            raise RequestRefused(BUSY)
        self.waiting += 1
        try:
            answer = partial(as_part_of_request, request_id_of(environ), ask, self.application, environ)
            return await asyncio.get_running_loop().run_in_executor(self.threads, answer)
        finally:
            self.waiting -= 1

    async def send_parts(
        self, next_part: Callable[[], bytes | None], receive: ASGIReceiveCallable, send: ASGISendCallable
    ) -> None:
        """Send part after part, each once the one before has left, until all are sent or the reader is gone."""
        loop = asyncio.get_running_loop()
        gone = asyncio.ensure_future(disconnect(receive))
        try:
            while not gone.done():
                async with self.turn:
                    part = await loop.run_in_executor(self.threads, next_part)
                if part is None:
                    return
                await send({"type": "http.response.body", "body": part, "more_body": True})
        finally:
            gone.cancel()

    async def live(self, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        """Follow the server's start and stop; requests that are being answered are finished first."""
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await asyncio.to_thread(self.threads.shutdown)
        await send({"type": "lifespan.shutdown.complete"})


def announces_body(environ: WSGIEnvironment) -> bool:
    """Does a body follow? A request that names neither its length nor a coding for its transfer has none (RFC 9112 §6.3)."""
    return "CONTENT_LENGTH" in environ or "HTTP_TRANSFER_ENCODING" in environ


class ClientGone(Exception):
    """The client went away."""


async def disconnect(receive: Callable[[], Awaitable[Any]]) -> None:
    """Wait until the client goes away; what was left unread because there is nothing in it comes first."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def whole_body(receive: Callable[[], Awaitable[Any]], longest: int) -> bytes:
    """The whole body. Raises RequestRefused if it is too long, and ClientGone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        body += message.get("body", b"")
        if len(body) > longest:
            raise RequestRefused(TOO_LARGE)
        if not message.get("more_body", False):
            return bytes(body)
