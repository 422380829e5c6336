"""How long a body may be, and how long it may take: said before it is read, kept nowhere."""

from __future__ import annotations

import socket
from http.client import HTTPConnection
from time import monotonic

import pytest
from django.utils import translation
from django.utils.translation import gettext

LONGEST = 256 * 1024


def answer_to(site, sent, seconds=5):
    """The first bytes of the answer to what is sent, and whether the connection was closed after it."""
    with socket.create_connection(("127.0.0.1", site.port), timeout=seconds) as one:
        one.sendall(sent)
        said = b""
        try:
            while part := one.recv(65536):
                said += part
        except (TimeoutError, ConnectionResetError):
            return said, False
        return said, True


def head(site, *lines, path="/login/"):
    return "\r\n".join([f"POST {path} HTTP/1.1", f"Host: localhost:{site.port}", *lines, "", ""]).encode()


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "image/png"])
def test_a_body_that_announces_more_than_256_kb_is_refused_before_it_comes(site, kind):
    said, closed = answer_to(site, head(site, f"Content-Type: {kind}", f"Content-Length: {LONGEST + 1}"))

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"content-security-policy: default-src 'none'" in said.lower()
    assert closed


def test_the_refusal_speaks_the_browsers_language(site):
    said, _closed = answer_to(site, head(site, "Accept-Language: de-AT,de;q=0.9", f"Content-Length: {LONGEST + 1}"))

    with translation.override("de"):
        in_german = gettext("That is more than this site reads: 256 kB.")
    assert in_german != "That is more than this site reads: 256 kB."
    assert said.endswith(in_german.encode())
    assert b"content-language: de\r\n" in said.lower()


@pytest.mark.parametrize("length", ["300000000", "9" * 18])
def test_the_same_however_much_more(site, length):
    assert answer_to(site, head(site, f"Content-Length: {length}"))[0].startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("length", ["-1", "1e3", "0x10", "9" * 400, ""])
def test_a_length_that_is_none_is_refused(site, length):
    assert answer_to(site, head(site, f"Content-Length: {length}"))[0].split()[1:2] in ([b"400"], [b"413"])


def test_a_body_of_chunks_is_refused_as_soon_as_there_were_more_than_256_kb(site):
    connection = HTTPConnection("127.0.0.1", site.port, timeout=5)
    connection.putrequest("POST", "/login/", skip_host=True)
    connection.putheader("Host", f"localhost:{site.port}")
    connection.putheader("Transfer-Encoding", "chunked")
    connection.endheaders()
    sent = 0
    try:
        for _ in range(4000):  # 256 MB
            connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
            sent += 65536
    except OSError:  # it hung up
        pass
    finally:
        connection.close()

    assert sent < 32 * LONGEST  # what the sockets between the two hold, but no more
    assert site.get("/login/")[0] == 200
    chunk = f"{LONGEST + 1:x}\r\n".encode() + b"x" * (LONGEST + 1) + b"\r\n"
    assert answer_to(site, head(site, "Transfer-Encoding: chunked") + chunk)[0].startswith(b"HTTP/1.1 413 ")


def test_a_body_of_256_kb_is_read(site):
    filled = head(site, "Content-Type: text/plain", f"Content-Length: {LONGEST}", "Connection: close")
    assert answer_to(site, filled + b"x" * LONGEST)[0].startswith(b"HTTP/1.1 403 ")


def test_files_are_written_nowhere(site):
    headers, fields = site.form()
    token = fields["csrfmiddlewaretoken"]
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = (
        part.format("csrfmiddlewaretoken", "", token)
        + part.format("username", "", "kim0")
        + part.format("password", '; filename="secret.txt"', "y" * 200_000)
        + "--x--\r\n"
    )
    before = {path for path in site.folder.rglob("*") if path.is_file()}
    status, _headers, page = site.ask(
        "POST", "/login/", body=body, headers=headers | {"Content-Type": "multipart/form-data; boundary=x"}
    )

    assert status == 400
    assert b"Sign in to m2v" in page
    assert b"yyyy" not in page
    assert {path for path in site.folder.rglob("*") if path.is_file()} == before


def test_a_body_has_twenty_seconds(site):
    began = monotonic()
    with socket.create_connection(("127.0.0.1", site.port), timeout=25) as one:
        one.sendall(head(site, "Content-Length: 2000") + b"x")
        assert one.recv(65536).startswith(b"HTTP/1.1 408 ")

    assert 19 < monotonic() - began < 23


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-16", "x/" + "y" * 300])
def test_what_guards_one_interface_guards_the_other(site, kind):
    assert (
        answer_to(site, head(site, f"Content-Type: {kind}", "Content-Length: 0", "Connection: close"))[0][:12]
        == b"HTTP/1.1 415"
    )


def test_a_name_with_an_underscore_does_not_pass_for_one_with_a_hyphen(site):
    connection = "Connection: close\r\nContent_Length: 5\r\nX_Forwarded_Proto: https"
    assert answer_to(site, head(site, connection, "Content-Length: 0"))[0].startswith(b"HTTP/1.1 403 ")
