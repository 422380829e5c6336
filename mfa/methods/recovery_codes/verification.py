"""One of somebody's recovery codes used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.crypto import constant_time_compare

from accounts.sealing import Purpose, Unreadable, unseal
from audit.recording import record
from audit.vocabulary import Action
from mfa.methods.recovery_codes.codes import WrongRecoveryCode, digest, looks_like_one, read
from mfa.methods.totp.codes import NoApp
from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from accounts.models import User
    from mfa.methods.held import Holdings


def verify(person: User, held: Holdings, typed: str) -> None:
    """Use the code `typed` up, and write it down. Raises what `spend` does, and NoApp where there is no app to stand in for."""
    if held.app is None and not held.app_disabled:
        raise NoApp
    left = spend(person, typed)
    record(Action.RECOVERY_CODE_USED, actor=person, subject=person, left=left)


def spend(person: User, typed: str) -> int:
    """Use one of `person`'s codes up, and say how many are left. Raises WrongRecoveryCode.

    Twenty at once, on any database, and one gets through. Raises Unreadable
    where some cannot be read, and it is none of the others.
    """
    if not looks_like_one(typed):
        raise WrongRecoveryCode
    unused = RecoveryCode.objects.filter(user=person, used_at=None)
    typed_digest = digest(read(typed))
    rows = list(unused)
    unreadable: list[Unreadable] = []
    for row in rows:
        try:
            kept = unseal(row.sealed_digest, person.pk, Purpose.RECOVERY_CODE)
        except Unreadable as trouble:
            unreadable.append(trouble)
            continue
        if constant_time_compare(kept, typed_digest):
            if unused.filter(pk=row.pk).update(used_at=timezone.now()):
                return len(rows) - 1
            break
    else:
        if unreadable:  # the code may be one of those
            raise unreadable[0]
    raise WrongRecoveryCode
