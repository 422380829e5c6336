"""A new authenticator app: its secret waits in the session, sealed, until a code confirms it; only then is it the person's."""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from secrets import token_urlsafe
from time import time
from typing import TYPE_CHECKING

from accounts.clock import is_ahead
from accounts.sealing import Purpose, Unreadable, seal, unseal
from mfa.methods.totp.codes import new_key
from mfa.methods.totp.held import remove
from mfa.models import AuthenticatorApp

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

    from accounts.models import User

SETUP = "app_setup"
SETUP_SECONDS = 600


@dataclass(frozen=True)
class Setup:
    """A secret on its way into an app. `id` tells it from one that came before or after it."""

    id: str
    sealed_key: str
    at: float


class SetupGone(Exception):
    """There is no set-up to confirm: it was done, is older than ten minutes, or has a new key."""


def current_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """The secret that waits, so that a page that is opened again shows the same one; a new one where none does."""
    try:
        return waiting_setup(session, person)
    except SetupGone:
        return begin_setup(session, person)


def begin_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """A new secret in the session, in place of any that waited there."""
    key = new_key()
    setup = Setup(token_urlsafe(8), b64encode(seal(key, person.pk, Purpose.PENDING_APP)).decode(), time())
    session[SETUP] = asdict(setup)
    return setup, key


def waiting_setup(session: SessionBase, person: User) -> tuple[Setup, bytes]:
    """The secret that waits, for ten minutes. Raises SetupGone."""
    kept = session.get(SETUP)
    setup = Setup(**kept) if kept else None
    if setup is None or time() - setup.at > SETUP_SECONDS or is_ahead(setup.at):
        raise SetupGone
    try:
        return setup, unseal(b64decode(setup.sealed_key), person.pk, Purpose.PENDING_APP)
    except Unreadable as trouble:
        raise SetupGone from trouble


def enrol(person: User, key: bytes, *, last_used_step: int) -> None:
    """Make `key` the app of `person`, in place of any; `last_used_step` is the one of the code that confirmed it."""
    remove(person)
    AuthenticatorApp.objects.create(user=person, key=seal(key, person.pk, Purpose.APP), last_used_step=last_used_step)
