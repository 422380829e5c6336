"""A request as ASGI describes it, as WSGI does (PEP 3333)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

    from asgiref.typing import HTTPScope


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
