"""The authenticator app: time-based codes (RFC 6238: SHA-1, 30 seconds, six digits).

django-otp computes the codes. Which ones count is decided here: six ASCII
digits, one step either way of the server's clock and never more, each once.
"""

from __future__ import annotations

import re
from base64 import b32encode
from secrets import token_bytes
from time import time
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django_otp.oath import TOTP

from mfa.models import AuthenticatorApp
from mfa.sealing import Purpose, unseal

if TYPE_CHECKING:
    from accounts.models import User

KEY_BYTES = 20  # RFC 4226, section 4, R6: 160 bits
STEP_SECONDS = 30
TOLERANCE = 1  # steps either way: a code is good for 90 seconds
CLOCK_SEARCH = 10  # steps either way, to tell a wrong clock from a wrong code
CODE = re.compile(r"[0-9]{6}")


class WrongCode(Exception):
    """The code is not this app's code of now."""


class UsedCode(WrongCode):
    """The code, or one after it, was used before."""


class NoApp(WrongCode):
    """There is no app whose code this could be, or it takes none any more."""


class ClockOff(WrongCode):
    """The code is the app's, but of another time: the phone's clock is `minutes` off (negative: behind)."""

    def __init__(self, minutes: int) -> None:
        super().__init__(minutes)
        self.minutes = minutes


def new_key() -> bytes:
    """A fresh secret for an app."""
    return token_bytes(KEY_BYTES)


def key_as_text(key: bytes) -> str:
    """`key` in Base32, as people type it into an app."""
    return b32encode(key).decode()


def provisioning_uri(key: bytes, account: str) -> str:
    """The `otpauth:` address of `key`, as authenticator apps read it from a QR code.

    Algorithm, digits and period are what apps take without being told: the shorter, the easier to scan.
    """
    label = quote(f"{settings.ISSUER}:{account}", safe="")
    more = urlencode({"secret": key_as_text(key), "issuer": settings.ISSUER}, quote_via=quote)
    return f"otpauth://totp/{label}?{more}"


def looks_like_one(code: str) -> bool:
    """Has `code` the form of an app's code?"""
    return CODE.fullmatch(code) is not None


def code_at(key: bytes, now: float) -> str:
    """The code that an app with `key` shows at `now` (seconds of the epoch)."""
    totp = TOTP(key)
    totp.time = now
    return f"{totp.token():06d}"


def matching_step(key: bytes, code: str, now: float, tolerance: int = TOLERANCE) -> int | None:
    """The time step whose code `code` is, at most `tolerance` steps from `now`; the nearest first, else None."""
    if not looks_like_one(code):
        return None
    for drift in sorted(range(-tolerance, tolerance + 1), key=abs):
        if now + drift * STEP_SECONDS >= 0 and constant_time_compare(code_at(key, now + drift * STEP_SECONDS), code):
            return int(now) // STEP_SECONDS + drift
    return None


def check(key: bytes, code: str, now: float) -> int:
    """The step of `code`, which is right at `now`. Raises WrongCode, and ClockOff if it is right within ±10 steps."""
    step = matching_step(key, code, now)
    if step is not None:
        return step
    elsewhen = matching_step(key, code, now, CLOCK_SEARCH)
    if elsewhen is not None:
        away = elsewhen - int(now) // STEP_SECONDS
        raise ClockOff(max(1, round(abs(away) * STEP_SECONDS / 60)) * (1 if away > 0 else -1))
    raise WrongCode


def spend(app: AuthenticatorApp, owner: User, code: str) -> None:
    """Use `code` of `owner`'s confirmed `app` up: it and all before it never count again.

    Twenty at once, on any database, and one gets through. Raises WrongCode,
    UsedCode, ClockOff of a slow clock; Unreadable where the key cannot be
    read. That a code comes too early is not said: who guessed it would wait.
    """
    now = time()
    try:
        step = check(unseal(app.key, owner.pk, Purpose.APP), code, now)
    except ClockOff as trouble:
        if trouble.minutes > 0:
            raise WrongCode from trouble
        raise
    # A step that lies further in the future than any code counts was used while the server's clock ran ahead: it is forgotten.
    latest = int(now) // STEP_SECONDS + TOLERANCE
    unused = Q(last_used_step__lt=step) | Q(last_used_step__gt=latest)
    usable = AuthenticatorApp.objects.filter(unused, pk=app.pk, user=owner, confirmed=True, disabled_at=None)
    if not usable.update(last_used_step=step, last_used_at=timezone.now()):
        raise UsedCode
