"""The audit for somebody else: lines and checkpoints, one JSON value each, and nothing that has to be believed.

First an object that says what follows. A line is an array, byte for byte as
the database writes it (`stored`). After the lines that it is about comes each
checkpoint, an object with what was signed and the signature. Lines at the end
are under no checkpoint yet. `docs/check_audit.py` proves it.
"""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING

from django.utils import timezone

from audit.sealing import keys, stored

if TYPE_CHECKING:
    from collections.abc import Iterator

FORM = "m2v audit 1"


def exported() -> Iterator[bytes]:
    """Every row there is; of what was tampered with, just what is there."""
    at = timezone.now().astimezone(UTC).isoformat(timespec="seconds")
    yield _written(audit=FORM, at=at, columns=stored.COLUMNS, key=keys.public_key())
    checkpoints, lines = stored.checkpoints(), stored.lines_from(stored.FIRST)
    line = next(lines, None)
    for checkpoint in checkpoints:
        last = _last(checkpoint.statement)
        while line and line.id <= last:
            yield line.text
            line = next(lines, None)
        said, signed = (raw.decode(errors="replace") for raw in (checkpoint.statement, checkpoint.signature))
        yield _written(checkpoint=checkpoint.number, statement=said, signature=signed)
    while line:
        yield line.text
        line = next(lines, None)


def _last(statement: bytes) -> int:
    """The last line under a checkpoint; none where somebody made it unreadable."""
    try:
        return int(json.loads(statement)["last"])
    except (ValueError, TypeError, LookupError):
        return stored.FIRST - 1


def _written(**said: object) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
