"""Answers of a browser that makes a passkey, and how tests bend them (WebAuthn Level 3, section 7.1)."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING, Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from mfa.models import Passkey
from tests.authenticator import b64, unb64

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.people import Person

Json = dict[str, Any]
Cose = dict[int, Any]

OPTIONS = "/passkeys/registration/options/"
ANSWER = "/passkeys/registration/"
ED = 128


def question(person: Person) -> Json:
    answer: Any = person.json(OPTIONS, {})
    assert answer.status_code == 200, answer.content
    options: Json = answer.json()
    return options


def send(person: Person, credential: object, /, **more: object) -> Any:
    return person.json(ANSWER, {"credential": credential, **more})


def saved() -> int:
    return Passkey.objects.count()


def assert_refused(person: Person, answer: Any, original: Json | None = None, had: int = 0) -> None:
    """400 in general words, nothing stored, and the question is gone: the right answer comes too late."""
    assert answer.status_code == 400, answer.content
    assert answer.json() == {"error": "passkey_refused", "message": "This passkey could not be saved. Try again."}
    assert saved() == had
    if original is not None:
        assert send(person, original).status_code == 400
        assert saved() == had


# --- Bending an answer ---


def retold(answer: Json, said: object) -> Json:
    """The same answer with another clientDataJSON, as bytes or to be written as JSON."""
    raw = said if isinstance(said, bytes) else json.dumps(said).encode()
    return answer | {"response": answer["response"] | {"clientDataJSON": b64(raw)}}


def said_in(answer: Json) -> Json:
    said: Json = json.loads(unb64(answer["response"]["clientDataJSON"]))
    return said


def attested(answer: Json, attestation: object) -> Json:
    """The same answer with another attestationObject, as bytes or to be written as CBOR."""
    raw = attestation if isinstance(attestation, bytes) else cbor2.dumps(attestation)
    return answer | {"response": answer["response"] | {"attestationObject": b64(raw)}}


def attestation_in(answer: Json) -> Json:
    attestation: Json = cbor2.loads(unb64(answer["response"]["attestationObject"]))
    return attestation


def with_data(answer: Json, edit: Callable[[bytes], bytes]) -> Json:
    """The same answer with other authenticator data."""
    attestation = attestation_in(answer)
    return attested(answer, attestation | {"authData": edit(attestation["authData"])})


def cose_ec(curve: ec.EllipticCurve) -> Cose:
    at = ec.generate_private_key(curve).public_key().public_numbers()
    size = (curve.key_size + 7) // 8
    number = {"secp256r1": 1, "secp384r1": 2, "secp521r1": 3, "secp256k1": 8}[curve.name]
    return {1: 2, 3: -7, -1: number, -2: at.x.to_bytes(size, "big"), -3: at.y.to_bytes(size, "big")}


@cache
def modulus_of(bits: int) -> bytes:
    """Of an RSA key. Nobody makes keys of 512 bits any more: that one is an odd number of the right length."""
    if bits < 1024:
        return bytes(255 for _ in range(bits // 8))
    return rsa.generate_private_key(65537, bits).public_key().public_numbers().n.to_bytes(bits // 8, "big")


def cose_rsa(bits: int, algorithm: int = -257) -> Cose:
    return {1: 3, 3: algorithm, -1: modulus_of(bits), -2: b"\x01\x00\x01"}


def cose_ed25519(algorithm: int = -8) -> Cose:
    return {1: 1, 3: algorithm, -1: 6, -2: ed25519.Ed25519PrivateKey.generate().public_key().public_bytes_raw()}


GOOD_EC = cose_ec(ec.SECP256R1())


def without(cose: Cose, *labels: int) -> Cose:
    return {label: value for label, value in cose.items() if label not in labels}
