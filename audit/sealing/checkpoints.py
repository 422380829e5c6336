"""Checkpoints: which lines the audit held, batch by batch, signed and each tied to the one before.

Every line up to an id is under exactly one: a checkpoint takes those that came
after the last one, up to an id below which nothing can come any more
(`stored.settled`). So nothing is missed, nothing is counted twice, and a line
that turns up below the newest checkpoint was slipped in.
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

from audit.models import Checkpoint
from audit.sealing import keys, stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from audit.sealing.stored import Line, Stored

FORM = "m2v audit checkpoint 1"
MOST = 1024  # lines under one checkpoint
LATE = timedelta(minutes=15)  # a line that is older and under no checkpoint says that something is wrong
APART = timedelta(minutes=1)  # by which the clocks of two servers of one site may differ
MARK = 8  # hexadecimal digits of a line's own hash: enough to say which of a batch it was
AT_COLUMN = 1  # where a line says when it was

log = logging.getLogger("m2v.audit")


class Tampered(Exception):
    """Something is not as it was sealed. Says what, the first of several."""


@dataclass(frozen=True)
class Statement:
    """What a checkpoint says: of the lines after the one before, the first, the last, how many, and their SHA-256.

    `sha256` is over the lines as `stored` gives them, each with a line feed
    behind it. `marks` has the id of each and the beginning of its own SHA-256,
    for whoever asks which line it was. `before` is the SHA-256 of the statement
    of the checkpoint before, nothing in the first.
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
        """Of `lines`, which follow what the checkpoint `after` was about."""
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
        """What `text`, whose signature holds, says."""
        said = json.loads(text)
        del said["form"]
        return cls(**said)

    def text(self) -> str:
        """As it is signed and kept."""
        return json.dumps({"form": FORM, **asdict(self)}, separators=(",", ":"))

    def marked(self) -> dict[int, str]:
        """The mark of each line by its id."""
        pairs = (entry.partition(":") for entry in self.marks.split())
        return {int(id_): mark for id_, _, mark in pairs}


def hash_of(lines: Sequence[Line]) -> str:
    """The SHA-256 of `lines` as they are stored."""
    return sha256(b"".join(line.text + b"\n" for line in lines)).hexdigest()


def mark(line: Line) -> str:
    """The beginning of a line's own SHA-256."""
    return sha256(line.text).hexdigest()[:MARK]


def digest(statement: bytes) -> str:
    """What the next checkpoint says of this one, and what the log is told of it."""
    return sha256(statement).hexdigest()


def is_young(line: Line, now: datetime) -> bool:
    """Is `line` of the last minutes, as a line under no checkpoint has to be?"""
    try:
        return now - LATE <= time_of(line) <= now + APART
    except ValueError:
        return False


def time_of(line: Line) -> datetime:
    """When `line` says that it was. Raises ValueError where it says none."""
    try:
        return datetime.fromisoformat(json.loads(line.text)[AT_COLUMN]).replace(tzinfo=UTC)
    except (TypeError, LookupError) as trouble:
        raise ValueError(line.id) from trouble


def seal_lines() -> int | None:
    """Put every line that is settled under a checkpoint; how many lines those were.

    None where others were writing all the time: the next one takes these lines.
    Raises Tampered where the newest checkpoint was not signed with a key of ours.
    """
    end, sealed = stored.settled(), 0
    if end is None:
        log.info("not sealed yet")
        return None
    while number := _seal_up_to(end):
        sealed += number
    return sealed


def _seal_up_to(end: int) -> int:
    """Seal the next lines, 1024 at most; how many. None where there are none, or where somebody else just did."""
    newest = stored.newest_checkpoint()
    if newest and not keys.is_signed(newest.statement, newest.signature):
        raise Tampered(f"Checkpoint {newest.number} was changed, or signed with a key that is not known here.")
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
    except IntegrityError:  # two at once: the other one's stands
        return 0
    _tell_log(statement, lines)
    return len(lines)


def _tell_log(statement: Statement, lines: Sequence[Line]) -> None:
    """The log leads elsewhere (ASVS 16.4.3): `audit_verify --checkpoint` asks whether what it was told is still there.

    Lines that waited long are a warning. The site was away; or somebody removed a checkpoint, and this takes its place.
    """
    name, now = f"{statement.number}:{digest(statement.text().encode())}", timezone.now()
    fields = {"checkpoint": name, "first": statement.first, "last": statement.last}
    if statement.before and not all(is_young(line, now) for line in lines):
        log.warning("sealed late", extra={"fields": fields})
    else:
        log.info("sealed", extra={"fields": fields})
