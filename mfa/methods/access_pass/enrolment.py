"""A new access pass, in the place of any that there was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from mfa.methods.access_pass.codes import digest
from mfa.models import AccessPass

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User


def enrol(person: User, code: str, *, until: datetime, given_by: User | None) -> None:
    """Make `code` the pass of `person`, who was looked up under the lock, until then; an earlier one is void."""
    AccessPass.objects.update_or_create(
        user=person,
        defaults={
            "digest": digest(person, code),
            "until": until,
            "epoch": person.session_epoch,
            "created_at": timezone.now(),
            "created_by": given_by,
        },
    )
