"""Inviting the people of a file: as many as a day has invitations for, and the others whenever there are more.

Whoever is not invited yet is kept with the import, and nobody is lost whatever ends the process: an invitation and the
name that it takes off are written together.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import invitations
from accounts.authorization import NotPermitted, ShutOut, hold_together
from accounts.background import SILENT_SECONDS
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.importing.models import Import

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User

INVITED_TOGETHER = 20  # people of one transaction, as when they are made


class Room(NamedTuple):
    """How many people of files can be invited today, and from when on as many as on any day."""

    today: int
    again: datetime


def room(actor: User) -> Room:
    """The invitations that `actor` has left for people of files."""
    today, again = budgets.left(lanes.import_lane(actor))
    return Room(today, datetime.fromtimestamp(again, UTC))


def within_budget[Person](asked: Iterable[Person], actor: User) -> list[Person]:
    """The first of `asked`, as many as can be invited today; each takes from the budget."""
    let_through = []
    lane = lanes.import_lane(actor)
    for each, _free in zip(asked, range(budgets.left(lane)[0]), strict=False):
        try:
            budgets.claim(lane)
        except budgets.Throttled:  # another file of theirs took the last one a moment ago
            break
        let_through.append(each)
    return let_through


def begin_inviting(kept: Import) -> bool:
    """Say that those who are left are being invited. False where that is going on, or nobody is left."""
    now = timezone.now()
    idle = Q(beat=None) | Q(beat__lt=now - timedelta(seconds=SILENT_SECONDS)) | ~Q(stopped="")
    left = Import.objects.filter(idle, pk=kept.pk, ended_at__isnull=False).exclude(uninvited=[])
    return bool(left.update(beat=now, stopped=""))


def invite_the_rest(import_id: UUID, *, actor: User) -> None:
    """Invite those of an import who are not invited yet, as far as the day's budget goes; the others stay."""
    stopped = ""
    try:
        while _invite_some(import_id, actor):
            pass
    except (ShutOut, NotPermitted):
        stopped = _("What you may do has changed meanwhile, or you were signed out.")
    Import.objects.filter(pk=import_id).update(stopped=stopped, beat=None)


@transaction.atomic
def _invite_some(import_id: UUID, actor: User) -> bool:
    """Invite the next of them. False where nobody is left, or no invitation is.

    The guesses that are taken here go back with the transaction, and so do the invitations that they are for.
    """
    kept = Import.objects.select_for_update().get(pk=import_id)
    part = [UUID(key) for key in kept.uninvited[:INVITED_TOGETHER]]
    with hold_together(part, actor=actor, needs=Permission.INVITE) as held:
        still = _to_be_invited([held.people[key] for key in part if key in held.reached])
        now = within_budget(still, actor)
        invitations.invite_all(now, actor=actor)
    waits = [str(person.pk) for person in still[len(now) :]]
    kept.uninvited = [*waits, *kept.uninvited[len(part) :]]
    kept.invited += len(now)
    kept.beat = timezone.now()
    kept.save(update_fields=["uninvited", "invited", "beat"])
    return bool(kept.uninvited) and not waits


def _to_be_invited(people: list[User]) -> list[User]:
    """Those who cannot sign in yet and are not shut out, and whom nobody has invited meanwhile."""
    lines = AuditEvent.objects.filter(action=Action.USER_INVITED, subject__in=people)
    invited = set(lines.values_list("subject", flat=True))
    waiting = [each for each in people if each.pk not in invited and each.email and not each.has_usable_password()]
    return [each for each in waiting if each.is_active and each.locked_at is None]
