"""The audit as a file that its reader can check without trusting us: one JSON value a line (RFC 8259).

The first is an object that describes the file. Each line of the audit is an
array, byte for byte as the database writes it (`stored`). Each checkpoint
follows the lines it covers, as an object with the signed statement and its
signature. Lines at the end are not under a checkpoint yet.
`docs/check_audit.py` checks such a file.
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
    """Every row, in order. A row that was tampered with is written as it is; finding it is up to the reader."""
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
    """The id of the last line under a checkpoint, or one below all ids if somebody made the statement unreadable."""
    try:
        return int(json.loads(statement)["last"])
    except (ValueError, TypeError, LookupError):
        return stored.FIRST - 1


def _written(**said: object) -> bytes:
    return json.dumps(said, separators=(",", ":")).encode()
