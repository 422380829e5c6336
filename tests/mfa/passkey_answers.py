"""Answers of a passkey, and how tests bend them before they are signed (WebAuthn Level 3, section 7.2)."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from mfa.models import Passkey
from tests.authenticator import BE, BS, UP, UV, Credential, b64

if TYPE_CHECKING:
    from tests.people import Person

Json = dict[str, Any]

OPTIONS = "/passkeys/authentication/options/"
ANSWER = "/passkeys/authentication/"
ED = 128
ALL = UP | UV | BE | BS

REFUSED = {
    "error": "passkey_refused",
    "message": "This passkey was not accepted. Try again, or use another way to sign in.",
}
UNKNOWN = {
    "error": "unknown_passkey",
    "message": "This passkey is not known here (any more). Use another way to sign in.",
}
SUSPENDED = {
    "error": "passkey_suspended",
    "message": (
        "This passkey may have been copied and was taken out of use. "
        "Sign in another way, then delete it and create a new one."
    ),
}


def question(person: Person) -> Json:
    answer: Any = person.json(OPTIONS, {})
    assert answer.status_code == 200, answer.content
    options: Json = answer.json()
    return options


def send(person: Person, credential: object, /, **more: object) -> Any:
    return person.json(ANSWER, {"credential": credential, **more})


def signed(options: Json, used: Credential, **bent: Any) -> Json:
    """An assertion with its parts bent before they are signed, so that the signature is right."""
    flags, count, more = bent.get("flags", ALL), bent.get("count", 0), bent.get("more", b"")
    data = bent.get("data") or (
        sha256(bent.get("rp_id", "localhost").encode()).digest() + bytes([flags]) + count.to_bytes(4, "big") + more
    )
    said = bent.get("said")
    if not isinstance(said, bytes):
        honest = {"type": "webauthn.get", "challenge": options["challenge"], "origin": "http://localhost:8000"}
        said = json.dumps(honest | {"crossOrigin": False} | (said or {})).encode()
    signature = bent.get("key", used.key).sign(data + sha256(said).digest(), ec.ECDSA(SHA256()))
    response = {
        "clientDataJSON": b64(said),
        "authenticatorData": b64(data),
        "userHandle": bent.get("handle", b64(used.user_handle)),
        "signature": b64(signature),
    }
    return {"id": b64(used.id), "rawId": b64(used.id), "type": "public-key", "response": response}


def mine(person: Person) -> Credential:
    return person.authenticator.credentials[-1]


def assert_refused(person: Person, answer: Any, expected: Json = REFUSED) -> None:
    """400 in general words, nobody signed in, and nothing written to the passkey."""
    assert (answer.status_code, answer.json()) == (400, expected)
    assert not person.is_in
    assert set(Passkey.objects.values_list("sign_count", "last_used_at")) <= {(0, None)}
