"""The W3C's published test vectors (WebAuthn Level 3, "Test Vectors"), each through both ceremonies.

The values are the specification's; names and outcomes are ours. Where an
example did not verify its user, used an algorithm that is not offered, or was
made in another site's page, the right outcome here is a refusal.
"""

from __future__ import annotations

import json
from pathlib import Path
from time import time
from typing import TYPE_CHECKING, Any

import pytest
from webauthn.helpers import parse_authenticator_data, parse_cbor

from accounts.models import User
from mfa.methods import passkeys
from mfa.methods.passkeys.ceremonies import Authentication, Refused, Registration
from mfa.models import Passkey
from tests.authenticator import b64

if TYPE_CHECKING:
    from webauthn.helpers.structs import AuthenticatorData

    from mfa.methods.passkeys.ceremonies import NewPasskey, Use

Json = dict[str, Any]

VECTORS: dict[str, Json] = json.loads(Path(__file__).with_name("webauthn_vectors.json").read_text())
NOT_VERIFIED = "not verified"
NOT_OFFERED = "not offered"
FRAMED = "in another site's page"
GOOD = ""
REASONS = {
    NOT_VERIFIED: r"not verified during attestation|did not verify its user",
    NOT_OFFERED: r"Unsupported|Unrecognized",
    FRAMED: r"within another site's page",
}
# How registration and authentication must end.
OUTCOMES = {
    "none-es256": (NOT_VERIFIED, NOT_VERIFIED),
    "packed-self-es256": (GOOD, NOT_VERIFIED),
    "none-es256-crossOrigin": (FRAMED, FRAMED),
    "none-es256-topOrigin": (FRAMED, FRAMED),
    "none-es256-long-credential-id": (NOT_VERIFIED, GOOD),
    "packed-es256": (GOOD, GOOD),
    "packed-es384": (NOT_VERIFIED, NOT_OFFERED),
    "packed-es512": (NOT_OFFERED, NOT_VERIFIED),
    "packed-rs256": (GOOD, NOT_VERIFIED),
    "packed-eddsa": (NOT_VERIFIED, NOT_VERIFIED),
    "packed-ed448": (NOT_VERIFIED, NOT_OFFERED),
    "tpm-es256": (GOOD, GOOD),
    "android-key-es256": (GOOD, NOT_VERIFIED),
    "apple-es256": (NOT_VERIFIED, NOT_VERIFIED),
    "fido-u2f-es256": (NOT_VERIFIED, NOT_VERIFIED),
}


@pytest.fixture(autouse=True)
def their_site(settings) -> None:
    settings.PASSKEY_RP_ID, settings.PASSKEY_ORIGIN = "example.org", "https://example.org"


@pytest.fixture
def kim() -> User:
    return User(username="kim")


def text(value: str) -> str:
    return b64(bytes.fromhex(value))


def answer_of(name: str, ceremony: str) -> Json:
    """As a browser writes it."""
    vector = VECTORS[name]
    which = text(vector["registration"]["credential_id"])
    parts = {
        part: text(value)
        for part, value in vector[ceremony].items()
        if part in {"clientDataJSON", "attestationObject", "authenticatorData", "signature"}
    }
    return {"id": which, "rawId": which, "type": "public-key", "response": parts}


def data_of(name: str) -> AuthenticatorData:
    """What the authenticator said when the passkey was made."""
    attestation = parse_cbor(bytes.fromhex(VECTORS[name]["registration"]["attestationObject"]))
    return parse_authenticator_data(attestation["authData"])


def register(name: str, person: User) -> NewPasskey:
    question = Registration(text(VECTORS[name]["registration"]["challenge"]), str(person.pk), time())
    return passkeys.finish_registration(question, person, answer_of(name, "registration"))


def sign_in(name: str, person: User) -> Use:
    data = data_of(name)
    assert data.attested_credential_data
    passkey = Passkey(
        user=person,
        public_key=data.attested_credential_data.credential_public_key,
        backup_eligible=data.flags.be,
    )
    question = Authentication(text(VECTORS[name]["authentication"]["challenge"]), str(person.pk), time())
    return passkeys.finish_authentication([question], person, passkey, answer_of(name, "authentication"), b"kim")


def test_every_vector_has_its_outcome():
    assert VECTORS.keys() == OUTCOMES.keys()


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_published_registration_ends_as_it_must(name, kim):
    outcome = OUTCOMES[name][0]
    if outcome:
        with pytest.raises(Refused, match=REASONS[outcome]):
            register(name, kim)
        return
    made, said = register(name, kim), data_of(name)
    assert made.credential_id.hex() == VECTORS[name]["registration"]["credential_id"]
    assert (made.backup_eligible, made.backed_up) == (said.flags.be, said.flags.bs)


@pytest.mark.parametrize("name", OUTCOMES)
def test_a_published_authentication_ends_as_it_must(name, kim):
    outcome = OUTCOMES[name][1]
    if outcome:
        with pytest.raises(Refused, match=REASONS[outcome]):
            sign_in(name, kim)
        return
    assert sign_in(name, kim).sign_count == 0


@pytest.mark.parametrize("name", [name for name, (_, outcome) in OUTCOMES.items() if outcome == GOOD])
@pytest.mark.parametrize("part", ["authenticatorData", "clientDataJSON", "signature"])
def test_a_published_authentication_with_one_bit_turned_is_refused(name, part, kim, monkeypatch):
    raw = bytearray(bytes.fromhex(VECTORS[name]["authentication"][part]))
    raw[-1] ^= 1
    monkeypatch.setitem(VECTORS[name]["authentication"], part, raw.hex())
    with pytest.raises(Refused):
        sign_in(name, kim)
