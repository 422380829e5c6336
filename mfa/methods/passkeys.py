"""Passkeys: WebAuthn Level 3 registration and authentication, on py_webauthn.

The library reads what browsers send, and checks signatures and flags. This
module checks what it leaves to its caller (measured on py_webauthn 3.0.1):
cross-origin use, the literal challenge, age, ids, weak or mislabelled keys,
the backup-eligible flag, whose passkey it is; it keeps from the library what
Level 3 says to ignore and the library would refuse; and it turns whatever goes
wrong into `Refused`. A passkey here always verifies its user, so it is two
factors at once.
"""

from __future__ import annotations

import json
from hashlib import sha256
from time import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from django.conf import settings
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    encode_cbor,
    parse_authentication_credential_json,
    parse_authenticator_data,
    parse_backup_flags,
    parse_cbor,
    verify_signature,
)
from webauthn.helpers.cose import COSEAlgorithmIdentifier as Algorithm
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorData,
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mfa.methods.ceremonies import (
    CEREMONY_SECONDS,
    Authentication,
    CounterFell,
    NewPasskey,
    Refused,
    RefusedForGood,
    Registration,
    Use,
    answered,
    reason_of,
)
from mfa.models import CREDENTIAL_ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts.models import User
    from mfa.methods.ceremonies import Ceremony
    from mfa.models import Passkey

RSA_BITS = 2048
# Offered, accepted, and what kind of key each must be: exactly these.
KEY_TYPES = {
    Algorithm.EDDSA: ed25519.Ed25519PublicKey,
    Algorithm.ECDSA_SHA_256: ec.EllipticCurvePublicKey,
    Algorithm.RSASSA_PKCS1_v1_5_SHA_256: rsa.RSAPublicKey,
}
TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}
# Attestations that the library can verify with what is in them. None is asked for: any other counts as none (§6.5.5).
VERIFIED = {"none", "packed", "fido-u2f"}


def start_registration(
    person: User, existing: Iterable[Passkey], user_handle: bytes
) -> tuple[Registration, dict[str, Any]]:
    """The question for a new passkey of `person`, and its options for the browser (JSON form).

    `user_handle` is stable and random; `existing` passkeys are not made again on the device that has them.
    """
    options = options_to_json_dict(
        generate_registration_options(
            rp_id=settings.PASSKEY_RP_ID,
            rp_name="m2v",
            user_id=user_handle,
            user_name=person.username,
            user_display_name=person.get_full_name(),
            timeout=CEREMONY_SECONDS * 1000,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            supported_pub_key_algs=list(KEY_TYPES),
        )
    )
    options["excludeCredentials"] = _descriptors(existing)
    options["extensions"] = {"credProps": True}
    return Registration(options["challenge"], str(person.pk), time()), options


def finish_registration(ceremony: Registration, person: User, answer: object) -> NewPasskey:
    """The passkey that `answer` (the browser's, in its JSON form) makes for `person`. Raises Refused."""
    _answered([ceremony], str(person.pk), answer)
    assert isinstance(answer, dict)  # _answered refuses all else
    try:
        made = verify_registration_response(
            credential=_verifiable(answer),
            expected_challenge=base64url_to_bytes(ceremony.challenge),
            expected_rp_id=settings.PASSKEY_RP_ID,
            expected_origin=settings.PASSKEY_ORIGIN,
            require_user_verification=True,
            supported_pub_key_algs=list(KEY_TYPES),
        )
        _check_key(made.credential_public_key)
        stated_id = base64url_to_bytes(answer["id"])
        aaguid = UUID(made.aaguid)
    except Refused:
        raise
    except Exception as trouble:  # the library lets KeyError, TypeError, RecursionError and more through
        raise Refused(reason_of(trouble)) from trouble
    if not 0 < len(made.credential_id) <= CREDENTIAL_ID_BYTES:
        raise Refused("The credential id is too long.")
    if stated_id != made.credential_id:
        raise Refused("The credential id differs from the signed one.")
    stated = answer["response"].get("transports")
    stated = stated if isinstance(stated, list) else []
    return NewPasskey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        aaguid=aaguid,
        transports=list(dict.fromkeys(way for way in stated if isinstance(way, str) and way in TRANSPORTS)),
        backup_eligible=made.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backed_up=made.credential_backed_up,
    )


def start_authentication(person: User | None, allowed: Iterable[Passkey] = ()) -> tuple[Authentication, dict[str, Any]]:
    """The question for proof with a passkey, and its options for the browser.

    With nobody named the list of passkeys is empty, for known and unknown people alike.
    """
    options = options_to_json_dict(
        generate_authentication_options(
            rp_id=settings.PASSKEY_RP_ID,
            timeout=CEREMONY_SECONDS * 1000,
            user_verification=UserVerificationRequirement.REQUIRED,
        )
    )
    options["allowCredentials"] = _descriptors(allowed)
    return Authentication(options["challenge"], str(person.pk) if person else "", time()), options


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


def finish_authentication(
    ceremonies: Sequence[Authentication], person: User | None, passkey: Passkey, answer: object, user_handle: bytes
) -> Use:
    """What `answer` tells of `passkey`, looked up by its claimed id. Raises Refused, and RefusedForGood.

    `ceremonies` are the questions that are open: each tab of a browser may have asked its own.
    `person` is the one who was asked, None where the passkey names its owner.
    `user_handle` is the one that the passkey's owner was registered under.
    """
    _answered(ceremonies, str(person.pk) if person else "", answer)
    assert isinstance(answer, dict)  # _answered refuses all else
    if person and passkey.user_id != person.pk:
        raise Refused("The passkey is somebody else's.")
    try:
        stated = answer["response"].get("userHandle")
        handle = base64url_to_bytes(stated) if stated else b""
        used = _signed(answer, bytes(passkey.public_key))
        flags = parse_backup_flags(used.flags)
    except Refused:
        raise
    except Exception as trouble:  # the library lets KeyError, TypeError, RecursionError and more through
        raise Refused(reason_of(trouble)) from trouble
    if handle != user_handle if handle else person is None:
        raise Refused("The user handle is missing or somebody else's.")
    # All that follows is said by the passkey itself: nobody else could make it seem to be a copy.
    if passkey.suspended_at:
        raise RefusedForGood("The passkey is suspended.")
    if (flags.credential_device_type == CredentialDeviceType.MULTI_DEVICE) != passkey.backup_eligible:
        raise RefusedForGood("The backup-eligible flag changed.")
    if (used.sign_count or passkey.sign_count) and used.sign_count <= passkey.sign_count:
        raise CounterFell(f"{passkey.sign_count} was followed by {used.sign_count}.")
    return Use(used.sign_count, flags.credential_backed_up)


def text_id(passkey: Passkey) -> str:
    """The passkey's id as browsers write it (base64url)."""
    return bytes_to_base64url(bytes(passkey.credential_id))


def text_handle(user_handle: bytes) -> str:
    """The user handle as browsers write it (base64url)."""
    return bytes_to_base64url(user_handle)


def _descriptors(passkeys: Iterable[Passkey]) -> list[dict[str, Any]]:
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


def _answered[Kind: Ceremony](ceremonies: Sequence[Kind], person: str, answer: object) -> Kind:
    """The question that `answer` is to. Raises Refused."""
    try:
        said = _client_data(answer)
    except Exception as trouble:
        raise Refused("clientDataJSON cannot be read.") from trouble
    return answered(ceremonies, person, said)


def _verifiable(answer: dict[str, Any]) -> dict[str, Any]:
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


def _signed(answer: dict[str, Any], public_key: bytes) -> AuthenticatorData:
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


def _check_key(public_key: bytes) -> None:
    """The key is of a kind and strength we accept, and is what its label says (F5). Raises Refused, ValueError."""
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    if not isinstance(key, KEY_TYPES[Algorithm(decoded.alg)]):
        raise Refused("The key is not of the kind that its algorithm says.")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < RSA_BITS:
        raise Refused("The RSA key is too short.")
    if isinstance(key, ec.EllipticCurvePublicKey) and not isinstance(key.curve, ec.SECP256R1):
        raise Refused("The key is on another curve than P-256.")
