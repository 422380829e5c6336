"""The pass that somebody was given: asked about, ended, and away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.utils import timezone

from audit.vocabulary import Action
from mfa.models import AccessPass

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from accounts.models import User

HELD = ("held_pass_until", "held_pass_epoch")


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with the pass of its person, to whom `to` leads ("user__")."""
    return rows.annotate(held_pass_until=F(f"{to}access_pass__until"), held_pass_epoch=F(f"{to}access_pass__epoch"))


def is_open(until: datetime | None, epoch: int | None, person: User) -> bool:
    """Can a pass of `person` be used that ends then, and was made in this session epoch?"""
    return until is not None and until > timezone.now() and epoch == person.session_epoch


def end(person: User, **narrowed: Any) -> bool:
    """Let the pass open nothing any more; False where none was open. A new one is asked for still."""
    theirs = AccessPass.objects.filter(user=person, until__gt=timezone.now(), epoch=person.session_epoch)
    return bool(theirs.filter(**narrowed).update(until=None))


def disable(person: User) -> Action | None:
    """The same after a hundred wrong ones in a row (NIST SP 800-63B-4 section 3.2.2); what to write down."""
    return Action.ACCESS_PASS_DISABLED if end(person) else None


def asked_of(people: Sequence[User]) -> list[User]:
    """Those of `people` whom a pass was given to, and who are asked for one."""
    given = set(AccessPass.objects.filter(user__in=[person.pk for person in people]).values_list("user", flat=True))
    return [person for person in people if person.pk in given]


def remove(*people: User) -> None:
    """Forget their passes, and that one was asked for: something is set up, or nothing is demanded."""
    AccessPass.objects.filter(user__in=[person.pk for person in people]).delete()
