"""Passkeys (WebAuthn Level 3): each verifies its user, and is two factors at once."""

from mfa.methods.passkeys.answers import credential_id_of, text_handle, text_id
from mfa.methods.passkeys.enrolment import (
    TooManyPasskeys,
    enrol,
    finish_registration,
    start_registration,
)
from mfa.methods.passkeys.held import HELD, number_in_use, remove, suspend, with_held
from mfa.methods.passkeys.verification import finish_authentication, start_authentication, verify
from mfa.methods.passkeys.words import ENTRY

__all__ = [
    "ENTRY",
    "HELD",
    "TooManyPasskeys",
    "credential_id_of",
    "enrol",
    "finish_authentication",
    "finish_registration",
    "number_in_use",
    "remove",
    "start_authentication",
    "start_registration",
    "suspend",
    "text_handle",
    "text_id",
    "verify",
    "with_held",
]
