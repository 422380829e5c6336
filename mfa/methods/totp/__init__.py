"""The authenticator app: time-based codes (RFC 6238), each good once."""

from mfa.methods.totp.codes import (
    CLOCK_SEARCH,
    KEY_BYTES,
    STEP_SECONDS,
    TOLERANCE,
    ClockOff,
    NoApp,
    UsedCode,
    WrongCode,
    check,
    code_at,
    key_as_text,
    looks_like_one,
    matching_step,
    new_key,
    provisioning_uri,
)
from mfa.methods.totp.enrolment import enrol
from mfa.methods.totp.held import HELD, disable, remove, with_app, with_held
from mfa.methods.totp.verification import spend, verify
from mfa.methods.totp.words import ENTRY, why_not

__all__ = [
    "CLOCK_SEARCH",
    "ENTRY",
    "HELD",
    "KEY_BYTES",
    "STEP_SECONDS",
    "TOLERANCE",
    "ClockOff",
    "NoApp",
    "UsedCode",
    "WrongCode",
    "check",
    "code_at",
    "disable",
    "enrol",
    "key_as_text",
    "looks_like_one",
    "matching_step",
    "new_key",
    "provisioning_uri",
    "remove",
    "spend",
    "verify",
    "why_not",
    "with_app",
    "with_held",
]
