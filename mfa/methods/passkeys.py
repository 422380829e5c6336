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

from time import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from webauthn import (
    base64url_to_bytes,
    generate_authentication_options,
    generate_registration_options,
    verify_registration_response,
)
from webauthn.helpers import (
    bytes_to_base64url,
    parse_backup_flags,
)
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mfa.methods.answers import KEY_TYPES, check_key, question_answered, signed, verifiable
from mfa.methods.ceremonies import (
    CEREMONY_SECONDS,
    Authentication,
    CounterFell,
    NewPasskey,
    Refused,
    RefusedForGood,
    Registration,
    Use,
    reason_of,
)
from mfa.models import CREDENTIAL_ID_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts.models import User
    from mfa.models import Passkey

TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}


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
    question_answered([ceremony], str(person.pk), answer)
    assert isinstance(answer, dict)  # question_answered refuses all else
    try:
        made = verify_registration_response(
            credential=verifiable(answer),
            expected_challenge=base64url_to_bytes(ceremony.challenge),
            expected_rp_id=settings.PASSKEY_RP_ID,
            expected_origin=settings.PASSKEY_ORIGIN,
            require_user_verification=True,
            supported_pub_key_algs=list(KEY_TYPES),
        )
        check_key(made.credential_public_key)
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


def finish_authentication(
    ceremonies: Sequence[Authentication], person: User | None, passkey: Passkey, answer: object, user_handle: bytes
) -> Use:
    """What `answer` tells of `passkey`, looked up by its claimed id. Raises Refused, and RefusedForGood.

    `ceremonies` are the questions that are open: each tab of a browser may have asked its own.
    `person` is the one who was asked, None where the passkey names its owner.
    `user_handle` is the one that the passkey's owner was registered under.
    """
    question_answered(ceremonies, str(person.pk) if person else "", answer)
    assert isinstance(answer, dict)  # question_answered refuses all else
    if person and passkey.user_id != person.pk:
        raise Refused("The passkey is somebody else's.")
    try:
        stated = answer["response"].get("userHandle")
        handle = base64url_to_bytes(stated) if stated else b""
        used = signed(answer, bytes(passkey.public_key))
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
