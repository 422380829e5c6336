"""Twenty people who click, and five who sign in, each from an address of their own; what each of them was answered."""

from __future__ import annotations

import re
import ssl
from base64 import b32decode
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from random import uniform
from threading import Event, Lock, Thread
from time import monotonic, sleep, time
from urllib.parse import urlencode, urlsplit

from django_otp.oath import hotp

PASSWORD = "a very long walk by the sea"
CLICKING, SIGNING = 20, 5
ACCOUNTS = 6  # of each of the five: an app shows one code in half a minute
MOST_REQUESTS = 40_000  # bounded, whatever else goes wrong
STEP = 30
FILL = f"""
from base64 import b32encode
from django.contrib.auth.hashers import make_password
from django.utils import timezone
from accounts.models import User
from mfa import services
from mfa.methods import totp
password = make_password({PASSWORD!r})
for number in range({CLICKING}):
    User.objects.create_user(f"click{{number}}", email=f"click{{number}}@example.com")
for number in range({SIGNING * ACCOUNTS}):
    person = User.objects.create_user(f"sign{{number}}", email=f"sign{{number}}@example.com")
    key = totp.new_key()
    services.set_up_app(person, key, last_used_step=-1, instead_of=None, actor=person)
    print("key", b32encode(key).decode())
User.objects.update(password=password, last_sign_in_at=timezone.now())
"""


@dataclass(frozen=True)
class Answer:
    """What came of one request: no status is no answer at all."""

    began: float
    ended: float
    status: int | None
    retry_after: str = ""
    said: str = ""
    number: str = ""  # of the request, as the log has it

    @property
    def failed(self) -> bool:
        return self.status is None or self.status >= 500

    @property
    def honest(self) -> bool:
        """Does a failure say that it is one, and when to come again?"""
        return self.status == 503 and self.retry_after.isdecimal()


@dataclass
class Seen:
    """All that the crowd saw, from all threads."""

    answers: list[Answer] = field(default_factory=list)
    acts: list[tuple[float, str, str]] = field(default_factory=list)  # when, whose, the name that was acknowledged
    tried: set[tuple[str, int]] = field(default_factory=set)  # whose code of which half minute was sent
    accepted: list[tuple[float, str, int]] = field(default_factory=list)  # when, whose, of which half minute
    strange: Counter[str] = field(default_factory=Counter)
    lock: Lock = field(default_factory=Lock)


class Browser:
    """One that keeps cookies and one connection."""

    def __init__(self, site: str, address: str, agent: str, seen: Seen) -> None:
        self.connection = connection_to(site, address)
        self.origin, self.agent, self.seen = site, agent, seen
        self.cookies: dict[str, str] = {}

    def ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> tuple[Answer, str, str]:
        """The answer, where it leads, and its text."""
        headers = {
            "User-Agent": self.agent,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
        }
        body = None
        if fields is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
            body = urlencode(fields)
        began = time()
        try:
            self.connection.request(method, path, body, headers)
            said = self.connection.getresponse()
            text = said.read().decode()
        except (OSError, HTTPException) as trouble:
            self.connection.close()
            return self._note(Answer(began, time(), None, said=repr(trouble))), "", ""
        for line in said.headers.get_all("Set-Cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        told = said.headers.get("Retry-After", ""), text[:200], said.headers.get("X-Request-ID", "")
        answer = Answer(began, time(), said.status, *told)
        return self._note(answer), said.headers.get("Location", ""), text

    def send(self, path: str, text: str, **fields: str) -> tuple[Answer, str, str]:
        """Send the form of the page `text` that has these fields, with everything else that is in it."""
        return self.ask("POST", path, form_with(text, *fields) | fields)

    def sign_in(self, username: str) -> str | None:
        """Where the password leads; None where something failed."""
        answer, there, text = self.ask("GET", "/login/")
        if answer.status == 302:  # the answer to an earlier attempt was lost
            return there
        if answer.status != 200:
            return None
        answer, there, _text = self.send("/login/", text, username=username, password=PASSWORD)
        return there if answer.status == 302 else None

    def _note(self, answer: Answer) -> Answer:
        with self.seen.lock:
            self.seen.answers.append(answer)
        return answer


def connection_to(site: str, address: str) -> HTTPConnection:
    """From `address` of the loopback network, with whatever certificate."""
    where, source = urlsplit(site), (address, 0)
    if where.scheme == "http":
        return HTTPConnection(where.netloc, timeout=60, source_address=source)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    return HTTPSConnection(where.netloc, timeout=60, context=trust, source_address=source)


class Crowd:
    """All of them, until they are told to stop."""

    def __init__(self, site: str, keys: list[str]) -> None:
        self.site, self.keys, self.seen, self.over = site, [b32decode(key) for key in keys], Seen(), Event()
        self.threads = [Thread(target=self._click, args=(number,), daemon=True) for number in range(CLICKING)]
        self.threads += [Thread(target=self._sign_in, args=(number,), daemon=True) for number in range(SIGNING)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def is_at_it(self) -> bool:
        """Has everybody who clicks got something done, and was somebody let in by a code?"""
        return len({whose for _at, whose, _name in list(self.seen.acts)}) == CLICKING and bool(self.seen.accepted)

    def shown(self) -> str:
        """What they have seen so far."""
        answers = Counter(answer.status for answer in list(self.seen.answers))
        return f"{answers}, {len(self.seen.acts)} acts, {len(self.seen.accepted)} codes, {dict(self.seen.strange)}"

    def stop(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(90)

    def _on(self) -> bool:
        return not self.over.is_set() and len(self.seen.answers) < MOST_REQUESTS

    def _click(self, number: int) -> None:
        """Open one's settings, save another name, open the portal; over and over."""
        username, saved = f"click{number}", 0
        browser = Browser(self.site, f"127.0.1.{number + 1}", "Clicks/1.0", self.seen)
        while self._on() and browser.sign_in(username) != "/":
            sleep(1)
        while self._on():
            answer, there, text = browser.ask("GET", "/user-settings/")
            if answer.status == 200:
                saved += 1
                answer, there, text = browser.send("/user-settings/", text, first_name=f"Name {saved}")
                if answer.status == 302 and there == "/user-settings/":
                    self.seen.acts.append((answer.ended, username, f"Name {saved}"))
                elif not answer.failed:
                    self._strange(f"a name is answered with {answer.status} {there} {shown(text)}")
                browser.ask("GET", "/portal/")
            elif not answer.failed:
                self._strange(f"settings are answered with {answer.status} {there}")
                browser.sign_in(username)
            sleep(uniform(0.6, 1.4))
        browser.connection.close()

    def _sign_in(self, number: int) -> None:
        """With password and code, as one account after the other; a code that was right is tried again at once."""
        last: dict[int, int] = {}
        turn = 0
        while self._on():
            account = number * ACCOUNTS + turn % ACCOUNTS
            turn += 1
            step = int(time()) // STEP
            if last.get(account) == step:
                sleep(1)
                continue
            last[account] = step
            for _attempt in range(3):
                accepted = self._by_code(account, step, f"127.0.2.{number + 1}")
                if accepted:
                    self._by_code(account, step, f"127.0.3.{number + 1}")
                if accepted or not self._on():
                    break
            sleep(uniform(0.2, 0.8))

    def _by_code(self, account: int, step: int, address: str) -> bool:
        username = f"sign{account}"
        browser = Browser(self.site, address, f"Signs/{monotonic()}", self.seen)
        try:
            if browser.sign_in(username) != "/login/challenge/":
                return False
            answer, _there, text = browser.ask("GET", "/login/challenge/")
            if answer.status != 200:
                return False
            self.seen.tried.add((username, step))
            code = f"{hotp(self.keys[account], step):06d}"
            answer, there, text = browser.send("/login/challenge/", text, code=code)
            if answer.status != 302 or there.startswith("/login"):
                return False
            self.seen.accepted.append((answer.ended, username, step))
            return True
        finally:
            browser.connection.close()

    def _strange(self, what: str) -> None:
        with self.seen.lock:
            self.seen.strange[what] += 1


def form_with(text: str, *names: str) -> dict[str, str]:
    """The fields of the one form that has `names`, as they stand."""
    for form in re.findall(r"<form\b.*?</form>", text, re.DOTALL):
        if all(f'name="{name}"' in form for name in names):
            found = {}
            for tag in re.findall(r"<input\b[^>]*>", form):
                name, value = re.search(r'\bname="([^"]*)"', tag), re.search(r'\bvalue="([^"]*)"', tag)
                if name:
                    found[name[1]] = value[1] if value else ""
            for name, options in re.findall(r'<select\b[^>]*\bname="([^"]*)".*?>(.*?)</select>', form, re.DOTALL):
                chosen = re.search(r'<option[^>]*value="([^"]*)"[^>]*selected', options)
                found[name] = chosen[1] if chosen else ""
            return found
    raise AssertionError(f"no form with {names} in {shown(text)}")


def shown(text: str) -> str:
    """The words of a page, shortly."""
    return " ".join(re.sub(r"<[^>]*>", " ", text).split())[:300]
