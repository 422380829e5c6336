"""The pages that take a file or many names, and lists that are longer than memory: what the server reads and sends there."""

from __future__ import annotations

import re
import socket
from urllib.parse import urlencode

import pytest

from tests.server.site import PASSWORD

IMPORT = "/settings/administration/users/import/"
NAMES = "/settings/administration/users/bulk/names/"
EXPORT = "/settings/administration/users/export/"
MAKE = """
from accounts.models import User; from companies.models import Company
Company.objects.get_or_create(name="Acme")
User.objects.filter(username="kim0").update(role="administrator")
User.objects.filter(username="p0000").exists() or User.objects.bulk_create(User(username=f"p{n:04}", first_name="x" * 140) for n in range(2000))
"""


@pytest.fixture
def cookie(site):
    """Of an administrator, signed in."""
    site.manage("shell", "--no-imports", "-c", MAKE)
    headers, fields = site.form()
    body = urlencode(fields | {"username": "kim0", "password": PASSWORD})
    _status, answer, _body = site.ask("POST", "/login/", body=body, headers=headers)
    new = {one.partition("=")[0]: one.partition(";")[0] for one in answer.get_all("Set-Cookie")}
    return "; ".join(({headers["Cookie"].partition("=")[0]: headers["Cookie"]} | new).values())


def upload(site, cookie, text, token):
    part = '--x\r\nContent-Disposition: form-data; name="{}"{}\r\n\r\n{}\r\n'
    body = part.format("csrfmiddlewaretoken", "", token) + part.format("file", '; filename="k.csv"', text) + "--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Origin": f"http://localhost:{site.port}"}
    headers |= {"Sec-Fetch-Site": "same-origin"} | ({"Cookie": cookie} if cookie else {})
    return site.ask("POST", IMPORT, body=body.encode(), headers=headers, timeout=60)


def files_of(site):
    """All but the mail: that of this sign-in, or of another test's, arrives when it does."""
    outbox = site.folder / "data" / "outbox"
    return {path for path in site.folder.rglob("*") if path.is_file() and outbox not in path.parents}


def test_two_megabytes_are_read_on_the_page_that_asks_for_a_file_of_those_to_whom_it_opens(site, cookie):
    page = site.get(IMPORT, Cookie=cookie)[2]
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1].decode()
    long = "user name,company\n" + "".join(f"n{n:05},{'Acme':80}\n" for n in range(5000))
    before = files_of(site)

    assert len(long) > 256 * 1024
    assert upload(site, cookie, long, token)[1]["Location"].startswith(IMPORT)
    assert upload(site, "", long, token)[1]["Location"].startswith("/login/")
    status, _headers, said = upload(site, cookie, "x" * (2 * 1024 * 1024 + 1), token)
    assert (status, said) == (413, b"This is more than this page takes. Go back, and divide it.")
    assert files_of(site) == before


def paste(site, cookie, names, token):
    headers = {"Origin": f"http://localhost:{site.port}", "Sec-Fetch-Site": "same-origin"}
    headers |= {"Content-Type": "application/x-www-form-urlencoded"} | ({"Cookie": cookie} if cookie else {})
    body = urlencode({"csrfmiddlewaretoken": token, "act": "require", "names": names}).encode()
    assert len(body) > 256 * 1024
    return site.ask("POST", NAMES, body=body, headers=headers, timeout=60)


def test_as_many_names_as_the_page_says_are_read_as_mail_programs_write_them(site, cookie):
    page = site.get(NAMES, Cookie=cookie)[2]
    token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1].decode()
    lines = "\r\n".join(f"Jürgen Großmann-Öztürk {n} <juergen.{n}@acme.example>" for n in range(5000))

    status, headers, _body = paste(site, cookie, lines, token)
    assert (status, headers["Location"].startswith(NAMES.removesuffix("names/"))) == (302, True)
    said = site.get(headers["Location"], Cookie=cookie)[2].decode()
    assert "skips 5000" in re.sub(r"<[^>]*>|[,.\u202f]", "", said)
    assert paste(site, "", lines, token)[1]["Location"].startswith("/login/")
    status, _headers, said = paste(site, cookie, "x" * 1024 * 1024, token)
    assert (status, said) == (413, b"This is more than this page takes. Go back, and divide it.")


def test_a_reader_who_takes_nothing_holds_nobody_up(site, cookie):
    page = site.get("/settings/administration/users/", Cookie=cookie)[2]
    form = b"csrfmiddlewaretoken=" + re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page)[1]
    headers = {
        "Cookie": cookie,
        "Content-Type": "application/x-www-form-urlencoded",
        "Origin": f"http://localhost:{site.port}",
        "Sec-Fetch-Site": "same-origin",
    }
    begin = {"Host": f"localhost:{site.port}", "Content-Length": len(form), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in begin.items())
    asked = f"POST {EXPORT} HTTP/1.1\r\n{head}\r\n".encode() + form

    with site.connections(12, asked):
        assert site.get("/login/")[0] == 200
        status, _headers, body = site.ask("POST", EXPORT, body=form, headers=headers, timeout=60)

    assert status == 200
    assert body.count(b"\r\n") > 2000
    with socket.create_connection(("127.0.0.1", site.port), timeout=60) as one:
        one.sendall(asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        said = b"".join(iter(lambda: one.recv(65536), b""))
    assert said.endswith(b"0\r\n\r\n")
