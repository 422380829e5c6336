"""Whoever does not finish what they send keeps nobody else from being answered."""

from __future__ import annotations

from time import monotonic

import pytest

from tests.server.site import within


def body_that_does_not_come(site):
    """A POST that announces 2000 bytes and brings one."""
    headers, _fields = site.form()
    lines = [
        "POST /login/ HTTP/1.1", f"Host: localhost:{site.port}",
        *(f"{name}: {value}" for name, value in headers.items()), "Content-Length: 2000",
    ]  # fmt: skip
    return "\r\n".join([*lines, "", "x"]).encode()


def frame(kind, flags, stream, payload):
    """A frame of HTTP/2 (RFC 9113 section 4.1)."""
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def text(value):
    return bytes([len(value)]) + value


def eight_streams():
    """A connection of HTTP/2 by prior knowledge, with eight POSTs whose bodies do not come."""
    fields = b"\x83\x86\x04" + text(b"/login/") + b"\x01" + text(b"localhost") + b"\x00" + text(b"content-length")
    headers = fields + text(b"2000")
    streams = (frame(1, 4, stream, headers) + frame(0, 0, stream, b"x") for stream in range(1, 17, 2))
    return b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + b"".join(streams)


def idle(site):
    """A whole request, after which its connection is kept."""
    return f"GET /login/ HTTP/1.1\r\nHost: localhost:{site.port}\r\n\r\n".encode()


def slowest(site, pages):
    """Seconds that the slowest of so many sign-in pages takes; each is a 200."""
    times = []
    for _ in range(pages):
        began = monotonic()
        assert site.get("/login/", timeout=5)[0] == 200
        times.append(monotonic() - began)
    return max(times)


def test_unfinished_bodies_streams_and_idle_connections_hold_nobody_up(site):
    with (
        site.connections(64, body_that_does_not_come(site)),
        site.connections(8, eight_streams()),
        site.connections(500, idle(site)) as kept,
    ):
        for one in kept:
            # 500 at once are more than wait for a thread: who is asked to come again stays connected, too.
            assert one.recv(12) in {b"HTTP/1.1 200", b"HTTP/1.1 503"}
        assert slowest(site, 100) < within(1)
        assert site.sign_in(0) == 302
    assert slowest(site, 20) < within(1)


@pytest.mark.parametrize("bytes_of", [body_that_does_not_come, lambda site: eight_streams(), lambda site: b"GET /lo"])
def test_each_of_them_alone_holds_nobody_up_while_it_lasts_and_after(site, bytes_of):
    with site.connections(64, bytes_of(site)):
        assert slowest(site, 30) < within(1)
    assert slowest(site, 10) < within(1)
