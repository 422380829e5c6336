"""Proof that the audit is as it was sealed: no line changed, removed, inserted, moved or respelt (ASVS 16.4.2).

Two things cannot be seen from inside the database: that the newest lines were
cut off together with their checkpoints, and that lines of the last minute were
changed before they were sealed. That is why every line and every checkpoint
also goes to the log, which is kept elsewhere (ASVS 16.4.3). Given a checkpoint
from the log, `verify` detects an audit that was cut off before it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.translation import gettext as _

from audit.sealing import keys, stored
from audit.sealing.checkpoints import LATE, Statement, Tampered, digest, hash_of, is_young, mark, not_of_ours, time_of

if TYPE_CHECKING:
    from datetime import datetime

    from audit.sealing.stored import Line, Stored


@dataclass(frozen=True)
class Checked:
    """How much was checked, and found to be as it was sealed."""

    lines: int
    checkpoints: int
    unsealed: int
    newest: str


def verify(expected: str = "") -> Checked:
    """Check every row. `expected` is a checkpoint from the log, "number:SHA-256". Raises Tampered."""
    newest: Stored | None = None
    sealed, start, known = 0, stored.FIRST, {""}
    for checkpoint in stored.checkpoints():
        statement = _said(checkpoint, after=newest)
        _look_at(stored.lines(start, statement.last), statement)
        newest, start, sealed = checkpoint, statement.last + 1, sealed + statement.count
        known.add(f"{checkpoint.number}:{digest(checkpoint.statement)}")
    now, unsealed = timezone.now(), 0
    for line in stored.lines_from(start):
        _see_young(line, now)
        unsealed += 1
    if expected not in known:
        text = _("Checkpoint {checkpoint}, which the log knows, is not there: the audit was cut off or written anew.")
        raise Tampered(text.format(checkpoint=expected))
    name = f"{newest.number}:{digest(newest.statement)}" if newest else ""
    return Checked(sealed + unsealed, newest.number if newest else 0, unsealed, name)


def _said(checkpoint: Stored, *, after: Stored | None) -> Statement:
    """The statement of `checkpoint`, which has to be the successor of `after`. Raises Tampered."""
    due = after.number + 1 if after else 1
    if checkpoint.number != due:
        if checkpoint.number > due:
            raise Tampered(_("Checkpoint {number} was removed.").format(number=due))
        raise Tampered(_("Checkpoint {number} was slipped in.").format(number=checkpoint.number))
    if not keys.is_signed(checkpoint.statement, checkpoint.signature):
        raise Tampered(not_of_ours(due))
    said = Statement.read(checkpoint.statement)
    if said.number != due or said.before != (digest(after.statement) if after else ""):
        text = _("Checkpoint {number} was exchanged for another one, which does not follow the one before.")
        raise Tampered(text.format(number=due))
    return said


def _look_at(lines: list[Line], said: Statement) -> None:
    """Check that these are the lines the checkpoint covers. Raises Tampered, naming the first that differs."""
    if hash_of(lines) == said.sha256:
        return
    there, marked = {line.id: line for line in lines}, said.marked()
    for id_ in sorted(there.keys() | marked.keys()):
        if id_ not in there:
            text = _("Line {line} was removed: it was there on {time}, when checkpoint {number} was made.")
            raise Tampered(text.format(line=id_, time=said.at, number=said.number))
        if marked.get(id_) != mark(there[id_]):
            text = _("Line {line} was changed, or slipped in.")
            raise Tampered(text.format(line=f"{id_}{_when(there[id_])}"))
    text = _("Lines {first} to {last} are not those that checkpoint {number} was made of.")
    raise Tampered(text.format(first=said.first, last=said.last, number=said.number))


def _see_young(line: Line, now: datetime) -> None:
    """Check that a line under no checkpoint is only minutes old. Raises Tampered."""
    if not is_young(line, now):
        text = _(
            "Line {line} is under no checkpoint, and not of the last {minutes} minutes: it was slipped in, or a checkpoint "
            "was removed. If the site ended before it could seal, it does when it starts."
        )
        raise Tampered(text.format(line=f"{line.id}{_when(line)}", minutes=LATE.seconds // 60))


def _when(line: Line) -> str:
    try:
        return f" ({time_of(line):%Y-%m-%d %H:%M:%S} UTC)"
    except ValueError:
        return ""
