"""Checkpoints: signed statements of which lines the audit holds, batch by batch, each chained to the one before by its hash.

A checkpoint covers the lines after its predecessor's, up to an id below which
no line can appear any more (`stored.settled`). So every sealed line is under
exactly one checkpoint, none is missed, and a line that turns up later below
the newest checkpoint was inserted by somebody.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from audit.models import Checkpoint
from audit.sealing import keys, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.sealing.stored import Line, Stored

FORM = "m2v audit checkpoint 1"
MOST = 1024  # lines under one checkpoint
LATE = timedelta(minutes=15)  # an older line under no checkpoint means that something is wrong
APART = timedelta(minutes=1)  # how far the clocks of two servers of a site may be apart
MARK = 8  # hexadecimal digits of a line's own hash: enough to tell which line of a batch was changed
AT_COLUMN = 1  # the position of the time in a line

log = logging.getLogger("m2v.audit")


class Tampered(Exception):
    """Something is not as it was sealed. The message names it, or the first of several."""


@dataclass(frozen=True)
class Statement:
    """What a checkpoint states about the lines it covers: the first id, the last id, how many, and their SHA-256 (FIPS 180-4).

    `sha256` is over the lines as `stored` returns them, each followed by a
    line feed. `marks` lists each id with the beginning of that line's own
    SHA-256, so that a changed line can be named. `before` is the SHA-256 of
    the previous checkpoint's statement, "" in the first one.
    """

    number: int
    at: str
    first: int
    last: int
    count: int
    sha256: str
    marks: str
    before: str

    @classmethod
    def about(cls, lines: Sequence[Line], after: Stored | None) -> Statement:
        """A statement about `lines`, the ones that follow those under the checkpoint `after`."""
        return cls(
            number=after.number + 1 if after else 1,
            at=timezone.now().astimezone(UTC).isoformat(timespec="seconds"),
            first=lines[0].id,
            last=lines[-1].id,
            count=len(lines),
            sha256=hash_of(lines),
            marks=" ".join(f"{line.id}:{mark(line)}" for line in lines),
            before=digest(after.statement) if after else "",
        )

    @classmethod
    def read(cls, text: bytes) -> Statement:
        """Parse `text`. Check its signature first."""
        said = json.loads(text)
        del said["form"]
        return cls(**said)

    def text(self) -> str:
        """The JSON that is signed and stored."""
        return json.dumps({"form": FORM, **asdict(self)}, separators=(",", ":"))

    def marked(self) -> dict[int, str]:
        """The mark of each line, by id."""
        pairs = (entry.partition(":") for entry in self.marks.split())
        return {int(id_): mark for id_, _, mark in pairs}


def hash_of(lines: Sequence[Line]) -> str:
    """The SHA-256 of `lines` as they are stored."""
    return sha256(b"".join(line.text + b"\n" for line in lines)).hexdigest()


def mark(line: Line) -> str:
    """The beginning of a line's own SHA-256."""
    return sha256(line.text).hexdigest()[:MARK]


def digest(statement: bytes) -> str:
    """The SHA-256 of a statement, by which the next checkpoint and the log refer to it."""
    return sha256(statement).hexdigest()


def is_young(line: Line, now: datetime) -> bool:
    """Is `line` only minutes old, as a line under no checkpoint has to be?"""
    try:
        return now - LATE <= time_of(line) <= now + APART
    except ValueError:
        return False


def time_of(line: Line) -> datetime:
    """The time that `line` gives. Raises ValueError if there is none."""
    try:
        return datetime.fromisoformat(json.loads(line.text)[AT_COLUMN]).replace(tzinfo=UTC)
    except (TypeError, LookupError) as trouble:
        raise ValueError(line.id) from trouble


def seal_lines() -> int | None:
    """Put all settled lines under checkpoints; how many lines that were.

    None if other transactions kept writing: the next attempt seals these lines.
    Raises Tampered if the newest checkpoint was not signed with a key of ours,
    because whatever came after it would vouch for it.
    """
    end, sealed = stored.settled(), 0
    if end is None:
        log.info("not sealed yet")
        return None
    while number := _seal_up_to(end):
        sealed += number
    return sealed


def not_of_ours(number: int) -> str:
    """What is said of a checkpoint that no key known here signed as it is."""
    return _("Checkpoint {number} was changed, or signed with a key that is not known here.").format(number=number)


def newest_checkpoint_of_ours() -> Stored | None:
    """The newest, if there is one. Raises Tampered if no key that is known here signed it."""
    newest = stored.newest_checkpoint()
    if newest and not keys.is_signed(newest.statement, newest.signature):
        raise Tampered(not_of_ours(newest.number))
    return newest


def _seal_up_to(end: int) -> int:
    """Seal the next 1024 lines at most; how many. 0 if there are none, or if another process has just sealed them."""
    newest = newest_checkpoint_of_ours()
    lines = stored.lines(Statement.read(newest.statement).last + 1 if newest else 1, end, MOST)
    if not lines:
        return 0
    statement = Statement.about(lines, newest)
    text = statement.text().encode()
    try:
        with transaction.atomic():
            Checkpoint.objects.create(
                number=statement.number, statement=text.decode(), signature=keys.sign(text).decode()
            )
    except IntegrityError:  # another process made the checkpoint of this number first: its stands
        return 0
    _tell_log(statement, lines)
    return len(lines)


def _tell_log(statement: Statement, lines: Sequence[Line]) -> None:
    """Log the checkpoint, for `audit_verify --checkpoint` to look for: the log is kept elsewhere (ASVS 16.4.3).

    Old lines make it a warning: either the site was down, or somebody removed a checkpoint and this one replaces it.
    """
    name, now = f"{statement.number}:{digest(statement.text().encode())}", timezone.now()
    fields = {"checkpoint": name, "first": statement.first, "last": statement.last}
    if statement.before and not all(is_young(line, now) for line in lines):
        log.warning("sealed late", extra={"fields": fields})
    else:
        log.info("sealed", extra={"fields": fields})
