"""The access pass: given by an administrator, it stands for the missing factor once, and opens the set-up alone."""

from mfa.methods.access_pass.codes import ALPHABET, LENGTH, NoPass, WrongPass, draw, looks_like_one, read
from mfa.methods.access_pass.enrolment import enrol
from mfa.methods.access_pass.held import HELD, asked_of, disable, end, is_open, remove, with_held
from mfa.methods.access_pass.verification import verify
from mfa.methods.access_pass.words import ENTRY, why_not

__all__ = [
    "ALPHABET",
    "ENTRY",
    "HELD",
    "LENGTH",
    "NoPass",
    "WrongPass",
    "asked_of",
    "disable",
    "draw",
    "end",
    "enrol",
    "is_open",
    "looks_like_one",
    "read",
    "remove",
    "verify",
    "why_not",
    "with_held",
]
