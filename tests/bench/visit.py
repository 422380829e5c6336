"""A browser for benchmarks: keeps cookies and one connection, follows nothing by itself."""

from __future__ import annotations

import json
import re
from http.client import HTTPConnection
from time import time
from typing import Any
from urllib.parse import urlencode

from django_otp.oath import totp

from tests.authenticator import Authenticator, Credential
from tests.bench.people import PASSWORD


class Visitor:
    """One person's browser."""

    def __init__(self, port: int, landing: str = "/portal/") -> None:
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.port = port
        self.landing = landing
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, str]:
        """Status, place to go on, text."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Host": f"localhost:{self.port}", "Cookie": cookie, **headers}
        self.connection.request(method, path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), text

    def form(self, path: str, text: str, **fields: str) -> tuple[int, str, str]:
        """Send the form of the page `text`."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert token, text[:500]
        body = urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        kind = "application/x-www-form-urlencoded"
        return self.ask("POST", path, body, **{"Content-Type": kind, "Referer": f"http://localhost:{self.port}{path}"})

    def sign_in(self, person: dict[str, str]) -> None:
        """With the password, and the code where one is asked for."""
        _, _, page = self.ask("GET", "/login/")
        status, there, page = self.form("/login/", page, username=person["username"], password=PASSWORD)
        assert status == 302, (status, page[:2000])
        if there == "/login/challenge/":
            _, _, page = self.ask("GET", there)
            code = f"{totp(bytes.fromhex(person['key'])):06d}"
            status, there, page = self.form("/login/challenge/", page, code=code)
            assert status == 302, (status, page[:2000])
        self.page()

    def sign_in_with_passkey(self, person: dict[str, str], credential: Credential) -> None:
        """With a passkey, as the sign-in page's script does."""
        _, _, page = self.ask("GET", "/login/")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        headers = {"Content-Type": "application/json", "Accept": "application/json", "X-CSRFToken": token[1]}
        headers["Origin"] = f"http://localhost:{self.port}"
        options = json.loads(self.ask("POST", "/passkeys/authentication/options/", b"{}", **headers)[2])
        answer: dict[str, Any] = Authenticator(f"http://localhost:{self.port}").get(options, used=credential)
        body = json.dumps({"credential": answer}).encode()
        status, _, text = self.ask("POST", "/passkeys/authentication/", body, **headers)
        assert status == 200, text
        self.page()

    def page(self) -> None:
        """One page behind the login."""
        status, _, text = self.ask("GET", self.landing)
        assert status == 200, (status, text[:300])


def wait_for(port: int, path: str) -> None:
    """Until the server answers, a minute at most."""
    end = time() + 60
    while True:
        try:
            Visitor(port).ask("GET", path)
        except OSError:
            if time() > end:
                raise
        else:
            return
