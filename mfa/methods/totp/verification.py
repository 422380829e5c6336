"""A code of the app used up: it and all before it never count again (RFC 6238 section 5.2)."""

from __future__ import annotations

from time import time
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from accounts.sealing import Purpose, unseal
from audit.prepared import PreparedChange
from mfa.methods.totp.codes import STEP_SECONDS, TOLERANCE, ClockOff, NoApp, UsedCode, WrongCode, check
from mfa.models import AuthenticatorApp

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User
    from mfa.methods.held import Holdings


def _use(app: int, owner: UUID, step: int, latest: int, now: datetime) -> int:
    # A step that no code of now can have was used while the server's clock ran ahead: it is forgotten.
    unused = Q(last_used_step__lt=step) | Q(last_used_step__gt=latest)
    usable = AuthenticatorApp.objects.filter(unused, pk=app, user=owner, confirmed=True, disabled_at=None)
    return usable.update(last_used_step=step, last_used_at=now)


USE = PreparedChange(_use)


def verify(person: User, held: Holdings, typed: str) -> None:
    """Use the code `typed` up. Raises what `spend` does, and NoApp where the person has none that takes codes."""
    if held.app is None:
        raise NoApp
    spend(held.app, person, typed)


def spend(app: AuthenticatorApp, owner: User, code: str) -> None:
    """Use `code` of `owner`'s confirmed `app` up: it and all before it never count again.

    Twenty at once, on any database, and one gets through. Raises WrongCode,
    UsedCode, ClockOff of a slow clock; Unreadable where the key cannot be
    read. That a code comes too early is not said: who guessed it would wait.
    """
    now = time()
    try:
        step = check(unseal(app.key, owner.pk, Purpose.APP), code, now)
    except ClockOff as trouble:
        if trouble.minutes > 0:
            raise WrongCode from trouble
        raise
    latest = int(now) // STEP_SECONDS + TOLERANCE
    if not USE.make(app.pk, owner.pk, step, latest, timezone.now()):
        raise UsedCode
