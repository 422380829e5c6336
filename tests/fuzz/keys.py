"""Passkeys of all three kinds that the site accepts, each signing for real."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from secrets import token_bytes
from typing import TYPE_CHECKING, Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tests.authenticator import UP, UV, Authenticator, Credential, b64, unb64

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.authenticator import Json

KINDS = ("ES256", "RS256", "EdDSA")


@cache
def _new_rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Pair:
    """A key pair: its public half as COSE (RFC 9053), and how it signs."""

    cose: bytes
    sign: Callable[[bytes], bytes]


def pair(kind: str) -> Pair:
    """A key pair of `kind`."""
    if kind == "RS256":
        key = _new_rsa()
        at = key.public_key().public_numbers()
        cose = {1: 3, 3: -257, -1: at.n.to_bytes(256, "big"), -2: at.e.to_bytes(3, "big")}
        return Pair(cbor2.dumps(cose), lambda data: key.sign(data, padding.PKCS1v15(), SHA256()))
    if kind == "EdDSA":
        edwards = ed25519.Ed25519PrivateKey.generate()
        return Pair(cbor2.dumps({1: 1, 3: -8, -1: 6, -2: edwards.public_key().public_bytes_raw()}), edwards.sign)
    curve = ec.generate_private_key(ec.SECP256R1())
    point = curve.public_key().public_numbers()
    cose = {1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32, "big"), -3: point.y.to_bytes(32, "big")}
    return Pair(cbor2.dumps(cose), lambda data: curve.sign(data, ec.ECDSA(SHA256())))


@dataclass
class Device:
    """One passkey of `kind`, and the answers that it gives."""

    kind: str
    user_handle: bytes
    id: bytes = field(default_factory=lambda: token_bytes(16))

    def __post_init__(self) -> None:
        self.pair = pair(self.kind)
        self.counter = Credential("localhost", self.user_handle, self.id)
        # Not backed up: any one flag can then be turned without contradicting the others.
        self.authenticator = Authenticator(flags=UP | UV)

    def create(self, options: Json) -> Json:
        """A registration with this very key."""
        return self.authenticator.create(options, cose=self.pair.cose, made=self.counter)

    def get(self, options: Json) -> Json:
        """An authentication, signed by it."""
        answer = self.authenticator.get(options, used=self.counter)
        answer["response"]["signature"] = b64(self.pair.sign(signed(answer["response"])))
        return answer


def signed(response: dict[str, Any]) -> bytes:
    """What an assertion signs (WebAuthn Level 3, section 6.3.3)."""
    return unb64(response["authenticatorData"]) + sha256(unb64(response["clientDataJSON"])).digest()
