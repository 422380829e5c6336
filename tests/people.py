"""People as tests see them: who they are, their browser, their authenticator app, their passkeys, their paper."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import time
from typing import TYPE_CHECKING, Any

from django.test import Client
from django.urls import reverse

from mfa import services
from mfa.methods import totp
from mfa.methods.passkeys.ceremonies import NewPasskey
from mfa.models import Passkey
from tests.authenticator import BE, BS, Authenticator, Credential

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpResponse

    from accounts.models import User

PASSWORD = "correct horse battery staple"
# The middle of a time step of their apps, so that a test may move by seconds either way.
NOW = datetime(2026, 5, 4, 9, 30, 15, tzinfo=UTC)
AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0.0.0 Safari/537.36"


def browser() -> Client:
    """A fresh browser at the site's own address."""
    return Client(SERVER_NAME="localhost", SERVER_PORT="8000", HTTP_USER_AGENT=AGENT)


def key_of(client: Client) -> str:
    """The key of the session that this browser holds."""
    return client.cookies["session"].value


def with_key(key: str) -> Client:
    """A browser that sends this session key."""
    client = browser()
    client.cookies["session"] = key
    return client


@dataclass
class Person:
    """Somebody with everything they carry. `client` is their browser; `Person(user)` opens another one."""

    user: User
    client: Client = field(default_factory=browser)
    authenticator: Authenticator = field(default_factory=Authenticator)
    app_key: bytes | None = None
    codes: list[str] = field(default_factory=list)

    # --- What they own ---

    def set_up_app(self) -> None:
        """Through the service, with no code used up."""
        self.app_key = totp.new_key()
        before = self.user.authenticator_apps.first()
        self.codes = services.set_up_app(self.user, self.app_key, last_used_step=-1, instead_of=before, actor=self.user)
        self.user.refresh_from_db()

    def add_passkey(self) -> Passkey:
        """Through the service, as a registration would have made it."""
        made = Credential("localhost", self.user.pk.bytes)
        self.authenticator.credentials.append(made)
        eligible, backed_up = bool(self.authenticator.flags & BE), bool(self.authenticator.flags & BS)
        new = NewPasskey(made.id, made.cose(), 0, UUID_ZERO, ["internal"], eligible, backed_up)
        return services.create_passkey(self.user, new, actor=self.user)

    def code(self, steps: int = 0) -> str:
        """What their app shows now, or `steps` times 30 seconds from now."""
        assert self.app_key
        return totp.code_at(self.app_key, time() + 30 * steps)

    # --- What they do ---

    def enter_password(self, password: str = PASSWORD, **more: str) -> HttpResponse:
        return self.client.post("/login/", {"username": self.user.username, "password": password, **more})

    def enter_code(self, code: str | None = None) -> HttpResponse:
        return self.client.post("/login/challenge/", {"code": self.code() if code is None else code})

    def sign_in(self) -> HttpResponse:
        """All the way in, with password and code as far as they are asked for."""
        answer = self.enter_password()
        if answer.headers.get("Location") == reverse("login_challenge"):
            answer = self.enter_code()
        return answer

    def json(self, path: str, body: object) -> HttpResponse:
        return self.client.post(path, body, content_type="application/json", HTTP_ACCEPT="application/json")

    def use_passkey(self, **bent: Any) -> HttpResponse:
        """Ask for a question and answer it."""
        options = self.json("/passkeys/authentication/options/", {}).json()
        return self.json("/passkeys/authentication/", {"credential": self.authenticator.get(options, **bent)})

    def create_passkey(self, **bent: Any) -> HttpResponse:
        """The same for a new passkey."""
        options = self.json("/passkeys/registration/options/", {}).json()
        return self.json("/passkeys/registration/", {"credential": self.authenticator.create(options, **bent)})

    # --- Where they are ---

    @property
    def is_in(self) -> bool:
        """Does the portal open?"""
        return self.client.get("/portal/").status_code == 200

    @property
    def asked_for(self) -> str:
        """Where the portal sends them, which is the next step of their login."""
        answer = self.client.get("/portal/", follow=True)
        return str(answer.request["PATH_INFO"])


UUID_ZERO: UUID = Passkey._meta.get_field("aaguid").default
