"""What a reset removed, kept apart for a day: it opens nothing, and can be put back by whoever lets its owner in again.

It is marked as what opens nothing is marked today (an app not confirmed, codes used, passkeys suspended) and as removed
beside it, which hides it from everything that asks what people hold (`mfa.models.HeldManager`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.utils import timezone

from mfa.models import AuthenticatorApp, Passkey, RecoveryCode

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User

KEPT_APART = timedelta(hours=24)
ALL = (AuthenticatorApp, RecoveryCode, Passkey)


def remove_app(person: User, now: datetime) -> int:
    """Put the app apart; how many there were."""
    return AuthenticatorApp.objects.filter(user=person, confirmed=True).update(confirmed=False, removed_at=now)


def remove_codes(person: User, now: datetime) -> int:
    """Put the unused recovery codes apart, and delete the used ones; how many there were that could be used."""
    theirs = RecoveryCode.objects.filter(user=person)
    theirs.exclude(used_at=None).delete()
    return theirs.update(used_at=now, removed_at=now)


def remove_passkeys(person: User, ids: Iterable[UUID], now: datetime) -> list[Passkey]:
    """Put these passkeys apart, suspended ones away for good; which they were."""
    chosen = Passkey.objects.filter(user=person, pk__in=list(ids))
    found = list(chosen)
    chosen.exclude(suspended_at=None).delete()
    chosen.update(suspended_at=now, removed_at=now)
    return found


def apps_of(person: User) -> QuerySet[AuthenticatorApp]:
    return AuthenticatorApp.everything.filter(user=person, removed_at__gt=timezone.now() - KEPT_APART).order_by(
        "-removed_at"
    )


def codes_of(person: User) -> QuerySet[RecoveryCode]:
    return RecoveryCode.everything.filter(user=person, removed_at__gt=timezone.now() - KEPT_APART)


def passkeys_of(person: User) -> QuerySet[Passkey]:
    return Passkey.everything.filter(user=person, removed_at__gt=timezone.now() - KEPT_APART)


def put_back_app(person: User, app: AuthenticatorApp) -> bool:
    """Let `app` take codes again, in the place of any other, and the recovery codes that went with it. False where it is gone."""
    AuthenticatorApp.objects.filter(user=person).delete()
    RecoveryCode.objects.filter(user=person).delete()
    codes_of(person).filter(removed_at=app.removed_at).update(used_at=None, removed_at=None)
    return bool(apps_of(person).filter(pk=app.pk).update(confirmed=True, removed_at=None))


def put_back_codes(person: User) -> bool:
    """Let the recovery codes count again that went without their app, in the place of any others. False where they are gone."""
    RecoveryCode.objects.filter(user=person).delete()
    return bool(codes_of(person).update(used_at=None, removed_at=None))


def put_back_passkey(person: User, passkey: Passkey) -> bool:
    """Let `passkey` sign in again. False where it is gone."""
    return bool(passkeys_of(person).filter(pk=passkey.pk).update(suspended_at=None, removed_at=None))


def forget_old() -> int:
    """Delete for good what was removed more than a day ago; how much it was."""
    over = timezone.now() - KEPT_APART
    return sum(model.everything.filter(removed_at__lte=over).delete()[0] for model in ALL)
