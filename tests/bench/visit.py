"""A browser for benchmarks: keeps cookies and one connection, follows nothing by itself."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from base64 import b64decode
from http.client import HTTPConnection
from time import time
from typing import Any
from urllib.parse import urlencode

from cryptography.hazmat.primitives.serialization import load_der_private_key
from django_otp.oath import totp

from tests.authenticator import Authenticator, Credential

PASSWORD = "correct horse battery staple"


def code_of(person: dict[str, str]) -> str:
    """What the person's authenticator app shows now."""
    return f"{totp(bytes.fromhex(person['key'])):06d}"


class Browser(ABC):
    """One person's browser."""

    def __init__(self, port: int) -> None:
        self.origin = f"http://localhost:{port}"

    @abstractmethod
    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
        """Status, place to go on, text."""

    def open(self, path: str, **headers: str) -> str:
        """A page."""
        status, there, text = self.ask("GET", path, **headers)
        assert status == 200, (path, status, there, text[:300])
        return text

    def send(self, path: str, page: str, **fields: str) -> str:
        """Send the form on `page`: where it leads, or the page that it is answered with."""
        body = urlencode({"csrfmiddlewaretoken": self.token(page), **fields}).encode()
        kind = "application/x-www-form-urlencoded"
        status, there, text = self.ask("POST", path, body, **{"Content-Type": kind, "Origin": self.origin})
        assert status in {200, 302}, (path, status, text[:300])
        return there or text

    def call(self, path: str, page: str, what: Any) -> Any:
        """Ask in JSON, as the script on `page` does."""
        headers = {"Content-Type": "application/json", "Accept": "application/json", "Origin": self.origin}
        status, _, text = self.ask(
            "POST", path, json.dumps(what).encode(), **headers, **{"X-CSRFToken": self.token(page)}
        )
        assert status == 200, (path, status, text[:300])
        return json.loads(text)

    def token(self, page: str) -> str:
        """What the forms of `page` carry against forgery."""
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token, page[:500]
        return token[1]

    def authenticator(self) -> Authenticator:
        """The device that signs."""
        return Authenticator(self.origin)

    def passkey_of(self, person: dict[str, str]) -> Credential:
        """What it signs with."""
        key: Any = load_der_private_key(b64decode(person["private"]), None)
        return Credential("localhost", bytes.fromhex(person["handle"]), bytes.fromhex(person["credential"]), key)


class Visitor(Browser):
    """One that comes over the network."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.connection = HTTPConnection("127.0.0.1", port, timeout=30)
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Host": self.origin.removeprefix("http://"), "Cookie": cookie, **headers}
        self.connection.request(method, path, body or None, headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer.status, answer.headers.get("Location", ""), text


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
