"""Proof with a passkey (WebAuthn section 7.2), on py_webauthn.

The library reads what browsers send. This module checks what it leaves to its
caller (measured on py_webauthn 3.0.1): whose passkey it is, the literal
challenge and its age, the backup-eligible flag, the counter; and it turns
whatever goes wrong into `Refused`. A passkey here always verifies its user, so
it is two factors at once.
"""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import timezone
from webauthn import base64url_to_bytes, generate_authentication_options
from webauthn.helpers import parse_backup_flags
from webauthn.helpers.options_to_json_dict import options_to_json_dict
from webauthn.helpers.structs import CredentialDeviceType, UserVerificationRequirement

from audit.prepared import PreparedChange
from mfa.methods.passkeys.answers import descriptors, question_answered, signed
from mfa.methods.passkeys.ceremonies import (
    CEREMONY_SECONDS,
    Authentication,
    CounterFell,
    Refused,
    RefusedForGood,
    Use,
    reason_of,
)
from mfa.models import Passkey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from accounts.models import User

USE = PreparedChange(
    lambda key, above, count, backed_up, now: Passkey.objects.filter(
        pk=key, suspended_at=None, sign_count__lt=above
    ).update(sign_count=count, backed_up=backed_up, last_used_at=now)
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
    options["allowCredentials"] = descriptors(allowed)
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


def verify(passkey: Passkey, use: Use) -> None:
    """Write a use down, unless a later one was (two at once): the counter never falls. Raises Refused."""
    # A passkey that does not count says 0 every time.
    if not USE.make(passkey.pk, use.sign_count or 1, use.sign_count, use.backed_up, timezone.now()):
        raise Refused("It was used, suspended or deleted meanwhile.")
