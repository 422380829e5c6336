"""A passkey in software that signs for real (WebAuthn Level 3, sections 6.1 and 6.5; AAGUID zero, ES256, `none`)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from secrets import token_bytes
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

UP, UV, BE, BS, AT = 1, 4, 8, 16, 64

Json = dict[str, Any]

# What browsers and password managers put into clientDataJSON that Level 3 says to ignore (section 5.8.1).
IGNORED: list[Json] = [
    {"crossOrigin": None},
    {"topOrigin": None},
    {"tokenBinding": None},
    {"tokenBinding": "not-supported"},
    {"tokenBinding": {}},
    {"tokenBinding": {"status": "supported"}},
    {"tokenBinding": {"status": "present", "id": "AAAA"}},
    {"tokenBinding": {"status": "not-supported"}},
    {"tokenBinding": {"status": 5}},
    {"tokenBinding": []},
    {"other_keys_can_be_added_here": "and are"},
    {"androidPackageName": "org.example.browser"},
]


def b64(raw: bytes) -> str:
    """Base64url without padding, as browsers write it."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    """The bytes of `b64`."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Credential:
    """One key pair of the authenticator."""

    rp_id: str
    user_handle: bytes
    id: bytes = field(default_factory=lambda: token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    count: int = 0

    def cose(self) -> bytes:
        """The public key as COSE (RFC 9053)."""
        at = self.key.public_key().public_numbers()
        raw: bytes = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")})
        return raw


@dataclass
class Authenticator:
    """What a phone or a password manager does. Options go in and answers come out in their JSON form."""

    origin: str = "http://localhost:8000"
    flags: int = UP | UV | BE | BS
    counts: bool = False
    aaguid: bytes = bytes(16)
    credentials: list[Credential] = field(default_factory=list)

    def create(
        self, options: Json, *, cose: bytes | None = None, made: Credential | None = None, **client: Any
    ) -> Json:
        """Answer a registration. `cose` and `client` bend what is said, for tests of refusals."""
        made = made or Credential(options["rp"]["id"], unb64(options["user"]["id"]))
        self.credentials.append(made)
        data = self._data(made, AT) + self.aaguid + len(made.id).to_bytes(2, "big") + made.id + (cose or made.cose())
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": self._said("webauthn.create", options, client),
            "transports": ["internal"],
            "attestationObject": b64(attestation),
        }
        return self._answer(made, response)

    def get(self, options: Json, *, used: Credential | None = None, **client: Any) -> Json:
        """Answer an authentication with a passkey that is allowed, signed."""
        allowed = {unb64(descriptor["id"]) for descriptor in options.get("allowCredentials", [])}
        used = used or next(
            made for made in self.credentials if made.rp_id == options["rpId"] and (not allowed or made.id in allowed)
        )
        used.count += self.counts
        data, said = self._data(used), self._said("webauthn.get", options, client)
        signature = used.key.sign(data + sha256(unb64(said)).digest(), ec.ECDSA(SHA256()))
        response = {
            "clientDataJSON": said,
            "authenticatorData": b64(data),
            "userHandle": b64(used.user_handle),
            "signature": b64(signature),
        }
        return self._answer(used, response)

    def _data(self, made: Credential, more: int = 0) -> bytes:
        flags = bytes([self.flags | more])
        return sha256(made.rp_id.encode()).digest() + flags + made.count.to_bytes(4, "big")

    def _said(self, kind: str, options: Json, more: Json) -> str:
        said = {"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": False} | more
        return b64(json.dumps(said).encode())

    def _answer(self, made: Credential, response: Json) -> Json:
        return {
            "id": b64(made.id),
            "rawId": b64(made.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
        }
