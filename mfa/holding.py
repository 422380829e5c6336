"""Factors and their person, locked in the order that logins keep: factors first."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from accounts.authorization import ADMINISTRATORS, NOBODY, hold, hold_each, hold_together
from mfa.models import AuthenticatorApp, Passkey, RecoveryCode

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from uuid import UUID

    from django.db.models import Q

    from accounts.authorization import Held
    from accounts.models import User
    from accounts.permissions import Permission


def hold_with_factors(subject: User, *, actor: User | None, needs: Permission, also: Q = NOBODY) -> User:
    """Let nobody else change what `subject` holds until this is done: factors first, as logins do, then the people."""
    return hold_each_with_factors([subject], actor=actor, needs=needs, also=also)[0]


def hold_each_with_factors(
    subjects: Sequence[User], *, actor: User | None, needs: Permission, also: Q = NOBODY
) -> list[User]:
    """The same of each of `subjects`, in their order."""
    _lock_factors([subject.pk for subject in subjects])
    return hold_each(subjects, actor=actor, needs=needs, also=also)


@contextmanager
def hold_many(
    people: Sequence[UUID], *, actor: User, needs: Permission, also: Q = NOBODY, factors: bool = False
) -> Iterator[Held]:
    """Hold `people` together (accounts.authorization), and what they hold first where acts on them would."""
    if factors:
        _lock_factors(people)
    with hold_together(people, actor=actor, needs=needs, also=also) as held:
        yield held


def hold_everything(subject: User, *, actor: User | None, needs: Permission) -> User:
    """The same, their passkeys and all administrators included: the order that `hold_passkey` keeps."""
    list(Passkey.everything.select_for_update(no_key=True).filter(user=subject).order_by("pk"))
    return hold_with_factors(subject, actor=actor, needs=needs, also=ADMINISTRATORS)


def hold_passkey(passkey: Passkey, *, actor: User, needs: Permission) -> Passkey | None:
    """`passkey` as it is now, locked together with its owner and whoever acts on it; None where it is gone."""
    now = Passkey.objects.select_for_update(no_key=True).filter(pk=passkey.pk).first()
    hold(passkey.user, actor=actor, needs=needs, also=ADMINISTRATORS)
    return now


def _lock_factors(people: Sequence[UUID]) -> None:
    for model in (AuthenticatorApp, RecoveryCode):
        list(model.everything.select_for_update().filter(user__in=people).order_by("user", "pk").values_list("pk"))
