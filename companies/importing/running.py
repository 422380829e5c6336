"""Making the people of a file, some at a time: each through the service of a click, each time in one transaction.

The queue's task only says which import it is. What was made stays, whatever ends the process: whoever takes it up has
the turn, and goes on after the last line that was gone through; one who had it before sees so at the next step.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import batched
from operator import itemgetter
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.tasks import task
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import invitations, people
from accounts.authorization import NotPermitted, OutOfReach, ShutOut, hold_actor
from accounts.background import (
    GIVEN_UP_AFTER,
    TakenOver,
    give_up,
    long_ago,
    patiently,
    too_many_waiting,
    tried,
    waiting,
)
from accounts.forms import too_many
from accounts.models import User
from accounts.permissions import Permission
from accounts.text import fold, fold_address
from accounts.throttle import budgets, lanes
from audit.recording import as_part_of
from audit.vocabulary import Action
from companies.importing.checking import CheckedFile, Mistake, taken
from companies.importing.inviting import IMPORT_KIND, begun_by, in_the_name_of, within_budget
from companies.importing.models import Import
from companies.importing.reading import read
from companies.sums import sum_up
from mfa.services import enable_two_factor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from companies.importing.checking import Newcomer
    from companies.importing.reading import Table

log = logging.getLogger("m2v.work")

TOGETHER = 20  # people of one transaction: SQLite has one writer, and others wait for it
KEPT_HOURS = 24
UNINVITED_KEPT_DAYS = 30


def keep(owner: User, name: str, text: str, table: Table) -> Import:
    """Keep a file that was read, until it is imported or a day has gone by, and so the newest of those that wait."""
    forget_old_imports()
    with transaction.atomic():
        Import.objects.filter(pk__in=too_many_waiting(Import.objects.filter(owner=owner.pk))).delete()
    return Import.objects.create(
        owner=owner.pk, name=name[:200], encoding=table.encoding, text=text, lines=len(table.lines)
    )


def forget_old_imports() -> int:
    """Delete files that were sent more than a day ago and not begun, and what is over for a day; how many.

    What was begun, and nobody goes on with for a day, is over then. The names of people who are not invited yet stay for
    some weeks.
    """
    now = timezone.now()
    yesterday = now - timedelta(hours=KEPT_HOURS)
    for key in list(_given_up(yesterday).values_list("pk", flat=True)):
        try:
            _end_early(key, yesterday)
        except Exception:  # what it always failed at may be its text: it is over all the same
            log.exception("an import could not be put on record")
            Import.objects.filter(pk=key).update(ended_at=now, text="", beat=None)
    unused = Q(begun_at=None, created_at__lt=yesterday)
    done = Q(ended_at__lt=yesterday, begun_at__lt=yesterday, uninvited=[])
    late = Q(ended_at__lt=now - timedelta(days=UNINVITED_KEPT_DAYS))
    Import.objects.filter(ended_at__lt=yesterday).exclude(mistakes=[]).update(
        mistakes=[]
    )  # which are lines of the file
    return Import.objects.filter(unused | done | late).delete()[0]


def _given_up(since: datetime) -> QuerySet[Import]:
    """Imports that nobody is at work on, and that nobody began or went on with after `since`."""
    return Import.objects.filter(waiting(), begun_at__lt=since)


@transaction.atomic
def _end_early(key: UUID, since: datetime) -> None:
    """Put on record how far one got, unless somebody goes on with it now; the lines that are left are among its errors."""
    if not _given_up(since).filter(pk=key).update(turn=F("turn") + 1, stopped=""):
        return
    kept = Import.objects.get(pk=key)
    with in_the_name_of(kept) as actor:
        lines, wrong = read(kept.text, kept.encoding).lines, {each["line"] for each in kept.mistakes}
        text = _("The import stood still for a day before this line. Send the line again, in a new file.")
        left = [Mistake(each.number, "", "", text) for each in lines if each.number > kept.done]
        late = _as_kept((each for each in left if each.line not in wrong), {each.number: each.cells for each in lines})
        kept.mistakes = sorted([*kept.mistakes, *late], key=itemgetter("line"))
        kept.save(update_fields=["mistakes"])
        _end(kept, actor)


# --- Begin, stop, go on ---


@transaction.atomic
def begin(sent: Import, *, actor: User, invites: bool, requires: bool) -> bool:
    """Have the people made by the queue, as `actor` in the session of this request. False where it was begun already.

    Raises ShutOut and NotPermitted.
    """
    hold_actor(actor, needs=Permission.IMPORT)
    return _hand_over(Import.objects.filter(pk=sent.pk, begun_at=None), actor, invites=invites, requires=requires)


@transaction.atomic
def go_on(sent: Import, *, actor: User) -> bool:
    """Have it done from where it was left. False where somebody is at work on it, or it is over."""
    hold_actor(actor, needs=Permission.IMPORT)
    return _hand_over(Import.objects.filter(_left(), pk=sent.pk), actor)


def stop(kept: Import) -> bool:
    """Make nobody more; what is done stays, and it can go on. False where it is over."""
    going_on = Import.objects.filter(pk=kept.pk, ended_at=None, stopped="").exclude(begun_at=None)
    return bool(going_on.update(stopped=_("Stopped.")))


def take_up_imports() -> int:
    """Have the queue do each that began, is not over, and has nobody at work on it; how many. Twice harms nobody."""
    keys = list(Import.objects.filter(waiting(), stopped="").exclude(begun_at=None).values_list("pk", flat=True))
    for key in keys:
        make_people.enqueue(str(key))
    return len(keys)


def _left() -> Q:
    """What stopped, and what nobody is at work on though there was time to begin."""
    idle = long_ago("begun_at") & (Q(beat=None) | long_ago())
    return Q(ended_at=None) & (~Q(stopped="") | idle)


def _hand_over(imports: QuerySet[Import], actor: User, **chosen: bool) -> bool:
    [key] = imports.values_list("pk", flat=True) or [None]
    now = timezone.now()
    if key is None or not imports.update(begun_at=now, beat=None, stopped="", tries=0, **begun_by(actor), **chosen):
        return False
    make_people.enqueue(str(key))
    return True


# --- The work ---


@task
def make_people(import_id: str) -> None:
    """Make the people who are left, unless somebody else is at it."""
    work(UUID(import_id))


def work(import_id: UUID) -> None:
    """Take the turn, and make the people of the lines that are left. What stops it is kept with the import."""
    taken = Import.objects.filter(waiting(), pk=import_id, stopped="").exclude(begun_at=None)
    if not taken.update(beat=timezone.now(), turn=F("turn") + 1, tries=F("tries") + 1):
        return
    kept = Import.objects.get(pk=import_id)
    mine = Import.objects.filter(pk=import_id, turn=kept.turn, stopped="", ended_at=None)
    with in_the_name_of(kept) as actor:
        if kept.tries > GIVEN_UP_AFTER and give_up(mine, actor, IMPORT_KIND):  # its process was killed each time
            return
        try:
            _make_all(kept, actor)
        except TakenOver:
            return
        except (ShutOut, NotPermitted, OutOfReach):
            mine.update(stopped=_("What you may do has changed meanwhile, or you were signed out."))
        except budgets.Throttled as trouble:
            mine.update(stopped=too_many(trouble))
        except (KeyboardInterrupt, SystemExit):  # the process is to end: whoever comes next need not wait
            mine.update(beat=None, tries=kept.tries - 1)
            raise
        except Exception as trouble:
            tried(mine, trouble, actor, IMPORT_KIND)
            raise


def _make_all(kept: Import, actor: User) -> None:
    checked = CheckedFile(read(kept.text, kept.encoding), actor, after=kept.done)
    cells = {line.number: line.cells for line in checked.table.lines}
    patiently(_note_mistakes, kept, len(checked.people), _as_kept(checked.mistakes, cells))
    for part in batched(checked.people, TOGETHER):
        patiently(_make, kept, part, actor, cells)
    patiently(_end, kept, actor)


def _hold_turn(kept: Import) -> None:
    """Keep others from taking it over, or stopping it, within this step. Raises TakenOver where they have."""
    mine = Import.objects.select_for_update().filter(pk=kept.pk, turn=kept.turn, ended_at=None, stopped="")
    if not mine.exists():
        raise TakenOver


@transaction.atomic
def _note_mistakes(kept: Import, left: int, mistakes: list[dict[str, Any]]) -> bool:
    """Which of the lines that are left will be left out, and how many people that makes. What was true of them when it
    was begun may have changed by the time that it goes on.
    """
    _hold_turn(kept)
    before = [each for each in kept.mistakes if each["line"] <= kept.done]
    Import.objects.filter(pk=kept.pk).update(total=kept.made + left, mistakes=[*before, *mistakes], beat=timezone.now())
    return True


@transaction.atomic
def _end(kept: Import, actor: User) -> bool:
    """Nothing is left to do: the file itself is needed no more."""
    _hold_turn(kept)
    Import.objects.filter(pk=kept.pk).update(ended_at=timezone.now(), text="", beat=None, tries=0)
    kept.refresh_from_db()
    sum_up(
        Action.USERS_IMPORTED,
        kept.pk,
        actor=actor,
        act="import",
        changed=kept.made,
        name=kept.name,
        lines=kept.lines,
        invited=kept.invited,
    )
    return True


def _make(kept: Import, part: Sequence[Newcomer], actor: User, cells: dict[int, dict[str, str]]) -> bool:
    """Make the people of `part`. What that costs of a budget is spent however it ends; all else is one transaction."""
    free, mistakes = _let_through(part, actor)
    with as_part_of(kept.pk), transaction.atomic():
        _hold_turn(kept)
        hold_actor(actor, needs=Permission.IMPORT)
        made = []
        for each in free:
            try:
                _create(kept, each.user, actor)
                made.append(each)
            except IntegrityError:  # somebody else took the name a moment ago
                mistakes.append(_taken(each))
        now = within_budget([each.user for each in made if each.user.email], actor) if kept.invites else []
        invitations.invite_all(now, actor=actor)
        sent = {person.pk for person in now}
        later = [str(each.user.pk) for each in made if kept.invites and each.user.email and each.user.pk not in sent]
        kept.refresh_from_db(fields=["mistakes", "uninvited"])
        Import.objects.filter(pk=kept.pk).update(
            done=part[-1].line,
            made=F("made") + len(made),
            invited=F("invited") + len(now),
            mistakes=[*kept.mistakes, *_as_kept(mistakes, cells)],
            uninvited=[*kept.uninvited, *later],
            beat=timezone.now(),
            tries=0,
        )
    return True


def _let_through(part: Sequence[Newcomer], actor: User) -> tuple[list[Newcomer], list[Mistake]]:
    """Those of `part` whose name and address nobody has, whom `actor` sees or not. Raises budgets.Throttled.

    Each that is taken by somebody whom `actor` does not see costs a question, as it does in the form.
    """
    found = taken([each.user for each in part], User.objects.get_queryset())
    free, mistakes = [], []
    for each in part:
        own = {f"username:{fold(each.user.username)}", f"email:{fold_address(each.user.email)}"}
        if own & found:
            if not actor.serves_site:
                budgets.claim(*lanes.actor_lanes("probes", actor))
            mistakes.append(_taken(each))
        else:
            free.append(each)
    return free, mistakes


def _taken(each: Newcomer) -> Mistake:
    text = _("This user name or e-mail address is taken. Choose another one.")
    return Mistake(each.line, "username", each.user.username, text)


@transaction.atomic
def _create(kept: Import, user: User, actor: User) -> None:
    people.create_user(user, actor=actor)
    if kept.requires:
        enable_two_factor(user, actor=actor)


def _as_kept(mistakes: Iterable[Mistake], cells: dict[int, dict[str, str]]) -> list[dict[str, Any]]:
    return [
        {
            "line": each.line,
            "column": each.column,
            "contents": each.contents,
            "what": each.what,
            "cells": cells[each.line],
        }
        for each in mistakes
    ]
