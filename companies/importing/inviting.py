"""Inviting the people of a file: as many as a day has invitations for, and the others whenever there are more.

Whoever is not invited yet is kept with the import, and nobody is lost whatever ends the process: an invitation and the
name that it takes off are written together.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F, Q
from django.tasks import task
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from accounts import invitations
from accounts.authorization import NotPermitted, ShutOut, hold_actor, hold_together
from accounts.background import GIVEN_UP_AFTER, fell_silent, give_up, long_ago, patiently, tried
from accounts.models import User
from accounts.permissions import Permission
from accounts.throttle import budgets, lanes
from audit import recording
from audit.models import AuditEvent
from audit.vocabulary import Action
from companies.importing.models import Import
from companies.sums import sum_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

IMPORT_KIND = "import"  # of work, in the audit
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


def begun_by(actor: User) -> dict[str, Any]:
    """What is kept of the request that has work done: whose session it is in, and where it comes from."""
    return {
        "epoch": actor.session_epoch,
        "address": recording.current_address(),
        "browser": recording.current_browser()[:300],
    }


@contextmanager
def in_the_name_of(kept: Import) -> Iterator[User]:
    """Whoever has it done, in their language, from where they asked for it. Who was signed out since does nothing more."""
    actor = User.objects.get(pk=kept.owner)
    actor.session_epoch = kept.epoch
    with recording.origin(kept.address, kept.browser), override(actor.mail_language):
        yield actor


@transaction.atomic
def begin_inviting(sent: Import, *, actor: User) -> bool:
    """Have the queue invite those who are left. False where that is going on, or nobody is left.

    Raises ShutOut and NotPermitted.
    """
    hold_actor(actor, needs=Permission.INVITE)
    now = timezone.now()
    idle = Q(beat=None) | long_ago() | ~Q(stopped="")
    left = Import.objects.filter(idle, pk=sent.pk, ended_at__isnull=False).exclude(uninvited=[])
    if not left.update(begun_at=now, beat=now, stopped="", tries=0, **begun_by(actor)):
        return False
    invite_others.enqueue(str(sent.pk))
    return True


def take_up_invitations() -> int:
    """Have the queue invite those whom somebody was inviting until they fell silent; how many imports have some. Twice
    harms nobody.
    """
    interrupted = Import.objects.filter(fell_silent(), stopped="").exclude(ended_at=None).exclude(uninvited=[])
    keys = list(interrupted.values_list("pk", flat=True))
    for key in keys:
        invite_others.enqueue(str(key))
    return len(keys)


@task
def invite_others(import_id: str) -> None:
    """Invite those of an import who are not invited yet."""
    invite_the_rest(UUID(import_id))


def invite_the_rest(import_id: UUID) -> None:
    """Invite those of an import who are not invited yet, as far as the day's budget goes; the others stay."""
    stopped, it = "", Import.objects.filter(pk=import_id)
    it.update(tries=F("tries") + 1, beat=timezone.now())
    with in_the_name_of(it.get()) as actor:
        if give_up(it.filter(tries__gt=GIVEN_UP_AFTER), actor, IMPORT_KIND):  # its process was killed each time
            return
        try:
            while patiently(_invite_some, import_id, actor):
                pass
        except (ShutOut, NotPermitted):
            stopped = _("What you may do has changed meanwhile, or you were signed out.")
            _sum_up(import_id, actor)
        except Exception as trouble:
            tried(it, trouble, actor, IMPORT_KIND)
            raise
    it.update(stopped=stopped, beat=None, tries=0)


@transaction.atomic
def _invite_some(import_id: UUID, actor: User) -> bool:
    """Invite the next of them. False where nobody is left, or no invitation is.

    The guesses that are taken here go back with the transaction, and so do the invitations that they are for.
    """
    kept = Import.objects.select_for_update().get(pk=import_id)
    part = [UUID(key) for key in kept.uninvited[:INVITED_TOGETHER]]
    with recording.as_part_of(kept.pk), hold_together(part, actor=actor, needs=Permission.INVITE) as held:
        still = _to_be_invited([held.people[key] for key in part if key in held.reached])
        now = within_budget(still, actor)
        invitations.invite_all(now, actor=actor)
    waits = [str(person.pk) for person in still[len(now) :]]
    kept.uninvited = [*waits, *kept.uninvited[len(part) :]]
    kept.invited += len(now)
    kept.beat, kept.tries = timezone.now(), 0
    kept.save(update_fields=["uninvited", "invited", "beat", "tries"])
    if more := bool(kept.uninvited) and not waits:
        return more
    _sum_up(import_id, actor)
    return False


@transaction.atomic
def _sum_up(import_id: UUID, actor: User) -> None:
    sum_up(Action.MANY_ACTED_ON, import_id, actor=actor, act="invite")


def _to_be_invited(people: list[User]) -> list[User]:
    """Those who cannot sign in yet and are not shut out, and whom nobody has invited meanwhile."""
    lines = AuditEvent.objects.filter(action=Action.USER_INVITED, subject__in=people)
    invited = set(lines.values_list("subject", flat=True))
    waiting = [each for each in people if each.pk not in invited and each.email and not each.has_usable_password()]
    return [each for each in waiting if each.is_active and each.locked_at is None]
