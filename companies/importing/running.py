"""Making the people of a file, some at a time: each through the service of a click, each time in one transaction.

What was made stays, whatever ends the process: the next run goes on after the last line that was gone through.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import batched
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import invitations, people
from accounts.authorization import NotPermitted, OutOfReach, ShutOut, hold_actor
from accounts.background import waiting
from accounts.forms import too_many
from accounts.models import User
from accounts.permissions import Permission
from accounts.text import fold, fold_address
from accounts.throttle import budgets, lanes
from audit.recording import record
from audit.vocabulary import Action
from companies.importing.checking import CheckedFile, Mistake, taken
from companies.importing.inviting import within_budget
from companies.importing.models import Import
from companies.importing.reading import read
from mfa.services import enable_two_factor

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any
    from uuid import UUID

    from companies.importing.checking import Newcomer
    from companies.importing.reading import Table

TOGETHER = 20  # people of one transaction: SQLite has one writer, and others wait for it
KEPT_HOURS = 24
UNINVITED_KEPT_DAYS = 30


def keep(owner: User, name: str, text: str, table: Table) -> Import:
    """Keep a file that was read, until it is imported or a day has gone by; an earlier one that waits is dropped."""
    forget_old_imports()
    Import.objects.filter(owner=owner.pk, begun_at=None).delete()
    return Import.objects.create(
        owner=owner.pk, name=name[:200], encoding=table.encoding, text=text, lines=len(table.lines)
    )


def forget_old_imports() -> int:
    """Delete files that were sent more than a day ago, done with or not; how many.

    Of one whose people are not all invited yet, the names of these stay for some weeks.
    """
    now = timezone.now()
    old = Import.objects.filter(created_at__lt=now - timedelta(hours=KEPT_HOURS))
    gone = old.filter(Q(uninvited=[]) | Q(created_at__lt=now - timedelta(days=UNINVITED_KEPT_DAYS))).delete()[0]
    old.filter(ended_at=None).update(ended_at=now, text="", beat=None)
    return gone


def begin(kept: Import, *, invites: bool, requires: bool) -> bool:
    """Say that a run begins or goes on. False where one is running, or nothing is left to do."""
    now = timezone.now()
    left = Import.objects.filter(waiting(), pk=kept.pk)
    first = {"invites": invites, "requires": requires} if kept.begun_at is None else {}
    return bool(left.update(beat=now, begun_at=Coalesce("begun_at", now), stopped="", **first))


def run(import_id: UUID, *, actor: User) -> None:
    """Make the people of the lines that are left, as far as `actor` may. What stops it is kept with the import."""
    kept = Import.objects.get(pk=import_id)
    checked = CheckedFile(read(kept.text, kept.encoding), actor, after=kept.done)
    if not kept.total:
        Import.objects.filter(pk=kept.pk).update(total=len(checked.people))
    cells = {line.number: line.cells for line in checked.table.lines}
    if not kept.done:
        Import.objects.filter(pk=kept.pk).update(mistakes=[])
        _add_mistakes(kept, checked.mistakes, cells)
    try:
        for part in batched(checked.people, TOGETHER, strict=False):
            _make(kept, _let_through(kept, part, actor, cells), part[-1].line, actor, cells)
    except (ShutOut, NotPermitted, OutOfReach):
        _stop(kept, _("What you may do has changed meanwhile, or you were signed out."))
    except budgets.Throttled as trouble:
        _stop(kept, too_many(trouble))
    else:
        _end(kept, actor)


def _stop(kept: Import, why: str) -> None:
    Import.objects.filter(pk=kept.pk).update(stopped=why)


@transaction.atomic
def _end(kept: Import, actor: User) -> None:
    """Nothing is left to do: the file itself is needed no more."""
    Import.objects.filter(pk=kept.pk).update(ended_at=timezone.now(), text="", beat=None)
    kept.refresh_from_db()
    company = None if actor.serves_site else actor.company
    record(
        Action.USERS_IMPORTED,
        actor=actor,
        company=company,
        name=kept.name,
        lines=kept.lines,
        made=kept.made,
        invited=kept.invited,
    )


def _let_through(
    kept: Import, part: Sequence[Newcomer], actor: User, cells: dict[int, dict[str, str]]
) -> list[Newcomer]:
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
    _add_mistakes(kept, mistakes, cells)
    return free


def _taken(each: Newcomer) -> Mistake:
    text = _("This user name or e-mail address is taken. Choose another one.")
    return Mistake(each.line, "username", each.user.username, text)


def _make(
    kept: Import, part: Sequence[Newcomer], last_line: int, actor: User, cells: dict[int, dict[str, str]]
) -> None:
    asked = [each.line for each in part if each.user.email] if kept.invites else []
    invited = set(within_budget(asked, actor))
    lost = []
    with transaction.atomic():
        hold_actor(actor, needs=Permission.IMPORT)
        made = []
        for each in part:
            try:
                _create(kept, each.user, actor)
                made.append(each)
            except IntegrityError:  # somebody else took the name a moment ago
                lost.append(_taken(each))
        now = [each.user for each in made if each.line in invited]
        later = [str(each.user.pk) for each in made if each.user.email and each.line not in invited]
        invitations.invite_all(now, actor=actor)
        Import.objects.filter(pk=kept.pk).update(
            done=last_line, made=F("made") + len(made), invited=F("invited") + len(now), beat=timezone.now()
        )
        if later and kept.invites:
            kept.refresh_from_db(fields=["uninvited"])
            Import.objects.filter(pk=kept.pk).update(uninvited=[*kept.uninvited, *later])
    _add_mistakes(kept, lost, cells)


@transaction.atomic
def _create(kept: Import, user: User, actor: User) -> None:
    people.create_user(user, actor=actor)
    if kept.requires:
        enable_two_factor(user, actor=actor)


def _add_mistakes(kept: Import, mistakes: Iterable[Mistake], cells: dict[int, dict[str, str]]) -> None:
    new: list[dict[str, Any]] = [
        {
            "line": each.line,
            "column": each.column,
            "contents": each.contents,
            "what": each.what,
            "cells": cells[each.line],
        }
        for each in mistakes
    ]
    if new:
        kept.refresh_from_db(fields=["mistakes"])
        Import.objects.filter(pk=kept.pk).update(mistakes=[*kept.mistakes, *new])
