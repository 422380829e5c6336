"""What browsers answer about passkeys, read: bytes and JSON that anybody may have written, on py_webauthn's parts.

What WebAuthn Level 3 says to ignore is ignored here, where the library would
refuse it. Nothing here knows who is asked or whose the passkey is.
"""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from webauthn import base64url_to_bytes
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_cbor,
    verify_signature,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm

from mfa.methods.passkeys.ceremonies import Refused, answered
from mfa.models import CREDENTIAL_ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from webauthn.helpers.structs import AuthenticatorData

    from mfa.methods.passkeys.ceremonies import Ceremony
    from mfa.models import Passkey

RSA_BITS = 2048
# Offered, accepted, and what kind of key each must be: exactly these.
KEY_TYPES = {
    Algorithm.EDDSA: ed25519.Ed25519PublicKey,
    Algorithm.ECDSA_SHA_256: ec.EllipticCurvePublicKey,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256: rsa.RSAPublicKey,
}
# Attestations that the library can verify with what is in them. None is asked for: any other counts as none (§6.5.5).
VERIFIED = {"none", "packed", "fido-u2f"}


def credential_id_of(answer: object) -> bytes:
    """The id of the passkey that `answer` claims to come from. Raises Refused."""
    stated = answer.get("id") if isinstance(answer, dict) else None
    if not isinstance(stated, str) or not stated.isascii():
        raise Refused("There is no credential id.")
    try:
        raw = base64url_to_bytes(stated)
    except ValueError as trouble:
        raise Refused("The credential id is not base64url.") from trouble
    if not 0 < len(raw) <= CREDENTIAL_ID_BYTES:
        raise Refused("The credential id has no length that one can have.")
    return raw


def question_answered[Kind: Ceremony](ceremonies: Sequence[Kind], person: str, answer: object) -> Kind:
    """The question that `answer` is to. Raises Refused."""
    try:
        said = _client_data(answer)
    except Exception as trouble:
        raise Refused("clientDataJSON cannot be read.") from trouble
    return answered(ceremonies, person, said)


def verifiable(answer: dict[str, Any]) -> dict[str, Any]:
    """A registration as the library takes it: without what is ignored, and without an attestation it cannot verify."""
    said, response = _client_data(answer), dict(answer["response"])
    attestation = parse_cbor(base64url_to_bytes(response["attestationObject"]))
    fmt, statement = attestation["fmt"], attestation.get("attStmt")
    if not isinstance(fmt, str):
        raise Refused("The attestation's format has no name.")
    if bound := "tokenBinding" in said:
        del said["tokenBinding"]
        response["clientDataJSON"] = bytes_to_base64url(json.dumps(said).encode())
    if fmt != "none" and (
        bound or fmt not in VERIFIED
    ):  # what was signed over a `tokenBinding` cannot be verified either
        if not isinstance(statement, dict | list):
            raise Refused("The attestation has no statement.")
        bare = {"fmt": "none", "attStmt": {}, "authData": attestation["authData"]}
        response["attestationObject"] = bytes_to_base64url(encode_cbor(bare))
    return answer | {"response": response, "authenticatorAttachment": None}


def signed(answer: dict[str, Any], public_key: bytes) -> AuthenticatorData:
    """What the authenticator says in `answer`, which is to a question of ours, signed with the passkey (§7.2 steps 15 to 21).

    The library does the same at one stroke, but refuses a `tokenBinding` that it does not know.
    """
    named = parse_authentication_credential_json(answer | {"authenticatorAttachment": None})
    if bytes_to_base64url(named.raw_id) != named.id:
        raise Refused("The credential's two ids differ.")
    data = named.response.authenticator_data
    told = parse_authenticator_data(data)
    if told.rp_id_hash != sha256(settings.PASSKEY_RP_ID.encode()).digest():
        raise Refused("The passkey is another site's.")
    if not told.flags.up or not told.flags.uv:
        raise Refused("The passkey did not verify its user.")
    key = decode_credential_public_key(public_key)
    verify_signature(
        public_key=decoded_public_key_to_cryptography(key),
        signature_alg=key.alg,
        signature=named.response.signature,
        data=data + sha256(named.response.client_data_json).digest(),
    )
    return told


def check_key(public_key: bytes) -> None:
    """Refuse a key that we do not accept, or that is not what its label says (WebAuthn section 7.1 step 20).

    Raises Refused, or ValueError for what is no key.
    """
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    if not isinstance(key, KEY_TYPES[Algorithm(decoded.alg)]):
        raise Refused("The key is not of the kind that its algorithm says.")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS:
        raise Refused("The RSA key is too short.")
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise Refused("The key is on another curve than P-256.")


def text_id(passkey: Passkey) -> str:
    """The passkey's id as browsers write it (base64url)."""
    return bytes_to_base64url(bytes(passkey.credential_id))


def text_handle(user_handle: bytes) -> str:
    """The user handle as browsers write it (base64url)."""
    return bytes_to_base64url(user_handle)


def descriptors(passkeys: Iterable[Passkey]) -> list[dict[str, Any]]:
    """Passkeys as browsers are asked for them, with the ways in which they can be reached, where they were told."""
    return [
        {"type": "public-key", "id": text_id(passkey)}
        | ({"transports": passkey.transports} if passkey.transports else {})
        for passkey in passkeys
    ]


def _client_data(answer: Any) -> dict[str, Any]:
    """What the browser says of the ceremony. Raises whatever there is to raise where it is none."""
    said = json.loads(base64url_to_bytes(answer["response"]["clientDataJSON"]))
    if not isinstance(said, dict):
        raise TypeError("It is no object.")
    return said
