"""Somebody's access pass used up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.crypto import constant_time_compare

from audit.recording import record
from audit.vocabulary import Action
from mfa.methods.access_pass.codes import NoPass, WrongPass, digests
from mfa.methods.access_pass.held import end
from mfa.models import AccessPass

if TYPE_CHECKING:
    from accounts.models import User
    from mfa.methods.held import Holdings


def verify(person: User, held: Holdings, typed: str) -> None:
    """Use the pass `typed` up, and write it down. Fifty at once, on any database, and one gets through.

    Raises NoPass where none is open, else WrongPass.
    """
    if not held.has_pass:
        raise NoPass
    kept = AccessPass.objects.filter(user=person).values_list("digest", flat=True).first()
    right = [constant_time_compare(own, bytes(kept or b"")) for own in digests(person, typed)]
    if not any(right) or not end(person, digest=kept):
        raise WrongPass
    record(Action.ACCESS_PASS_USED, actor=person, subject=person)
