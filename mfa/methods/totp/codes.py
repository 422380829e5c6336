"""Time-based codes (RFC 6238: SHA-1, 30 seconds, six digits).

django-otp computes them. Which ones count is decided here: six ASCII digits,
one step either way of the server's clock and never more.
"""

from __future__ import annotations

import re
from base64 import b32encode
from secrets import token_bytes
from urllib.parse import quote, urlencode

from django.conf import settings
from django.utils.crypto import constant_time_compare
from django_otp.oath import TOTP

from mfa.methods.errors import NotProved

KEY_BYTES = 20  # RFC 4226, section 4, R6: 160 bits
STEP_SECONDS = 30
TOLERANCE = 1  # steps either way: a code is good for 90 seconds
CLOCK_SEARCH = 10  # steps either way, to tell a wrong clock from a wrong code
CODE = re.compile(r"[0-9]{6}")


class WrongCode(NotProved):
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
    if not CODE.fullmatch(code):
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
