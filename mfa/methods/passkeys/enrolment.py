"""A new passkey (WebAuthn section 7.1), on py_webauthn.

The library reads what browsers send, and checks signatures and flags. This
module checks what it leaves to its caller (measured on py_webauthn 3.0.1):
cross-origin use, the literal challenge, age, ids, weak or mislabelled keys; it
keeps from the library what Level 3 says to ignore and the library would refuse
(`answers`); and it turns whatever goes wrong into `Refused`.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from webauthn import base64url_to_bytes, generate_registration_options, verify_registration_response
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    CredentialDeviceType,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from mfa.methods.passkeys.answers import KEY_TYPES, check_key, descriptors, question_answered, verifiable
from mfa.methods.passkeys.ceremonies import CEREMONY_SECONDS, NewPasskey, Refused, Registration, reason_of
from mfa.methods.passkeys.words import passkey_name
from mfa.models import CREDENTIAL_ID_BYTES, Passkey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User

MOST_PASSKEYS = 20
TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}


class TooManyPasskeys(Exception):
    """Nobody needs more than twenty."""


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
    options["excludeCredentials"] = descriptors(existing)
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


def enrol(person: User, new: NewPasskey, *, browser: str) -> Passkey:
    """Keep the verified passkey `new` of `person`, named after where it was made.

    Raises TooManyPasskeys, and IntegrityError where anybody has a passkey of this id already (section 7.1 step 26).
    """
    theirs = dict(Passkey.everything.filter(user=person).values_list("name", "removed_at"))
    if sum(removed_at is None for removed_at in theirs.values()) >= MOST_PASSKEYS:
        raise TooManyPasskeys
    return Passkey.objects.create(
        user=person,
        name=passkey_name(new.aaguid, browser, set(theirs)),
        credential_id=new.credential_id,
        public_key=new.public_key,
        sign_count=new.sign_count,
        aaguid=new.aaguid,
        transports=new.transports,
        backup_eligible=new.backup_eligible,
        backed_up=new.backed_up,
    )
