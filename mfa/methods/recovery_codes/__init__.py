"""Recovery codes: what signs somebody in, once each, whose authenticator app is out of reach."""

from mfa.methods.recovery_codes.codes import (
    ALPHABET,
    CODE,
    HOW_MANY,
    LENGTH,
    WrongRecoveryCode,
    digest,
    draw,
    looks_like_one,
    read,
)
from mfa.methods.recovery_codes.enrolment import NEXT_CODES, UNSAVED_CODES, enrol
from mfa.methods.recovery_codes.held import HELD, disable, remove, with_held
from mfa.methods.recovery_codes.verification import spend, verify
from mfa.methods.recovery_codes.words import ENTRY, tell_left, why_not

__all__ = [
    "ALPHABET",
    "CODE",
    "ENTRY",
    "HELD",
    "HOW_MANY",
    "LENGTH",
    "NEXT_CODES",
    "UNSAVED_CODES",
    "WrongRecoveryCode",
    "digest",
    "disable",
    "draw",
    "enrol",
    "looks_like_one",
    "read",
    "remove",
    "spend",
    "tell_left",
    "verify",
    "why_not",
    "with_held",
]
