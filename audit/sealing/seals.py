"""Seals over the audit: batch by batch, which lines there were.

A batch is sealed after a commit, once every 256 lines, and by
`audit_verify`. Lines younger than a minute wait for the next seal: one of a
transaction that is still on its way may have a lower id. No login waits for
a seal: it is read without a lock and written in one statement, and where
two are made at once, the second is dropped.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.clock import APART
from audit.models import AuditEvent, AuditSeal, digest_of

if TYPE_CHECKING:
    from collections.abc import Sequence

EVERY = 256
MOST = 1024
RECENT = 4
SETTLED = timedelta(seconds=60)

log = logging.getLogger("m2v.audit")


def seal_settled() -> int:
    """Seal every line that is old enough; how many lines those were."""
    sealed = 0
    while number := seal_batch():
        sealed += number
    return sealed


def seal_batch() -> int:
    """Seal the next lines, 1024 at most; how many. None where there are none, or where somebody else just did."""
    before = AuditSeal.objects.order_by("number").last()
    lines = _unsealed()
    if not lines:
        return 0
    first, last = lines[0][0], lines[-1][0]
    seal = AuditSeal(
        number=before.number + 1 if before else 1,
        first=first,
        last=last,
        count=len(lines),
        ids=ranges([id_ for id_, _ in lines]),
        digest=digest_of(lines, before.mac if before else ""),
    )
    try:
        with transaction.atomic():
            seal.save()
    except IntegrityError:  # two at once
        return 0
    # Told to the log, which leads elsewhere (ASVS 16.4.3): `audit_verify --seal` asks whether it is still there.
    log.info("sealed", extra={"fields": {"seal": f"{seal.number}:{seal.digest}", "first": first, "last": last}})
    return len(lines)


def ranges(ids: Sequence[int]) -> list[list[int]]:
    """Ascending `ids` as [first, last] of each run without a gap."""
    starts = [after for before, after in pairwise(ids) if after != before + 1]
    ends = [before for before, after in pairwise(ids) if after != before + 1]
    return [list(run) for run in zip([ids[0], *starts], [*ends, ids[-1]], strict=True)] if ids else []


def _unsealed() -> list[tuple[int, str]]:
    """The next lines to seal, (id, code), in order: those too that committed late, among those of the last seals."""
    start = min(AuditSeal.objects.order_by("-number").values_list("first", flat=True)[:RECENT], default=0)
    done = {id_ for seal in AuditSeal.objects.filter(last__gte=start) for id_ in seal.sealed}
    now = timezone.now()
    old = Q(at__lt=now - SETTLED) | Q(at__gt=now + timedelta(seconds=APART))  # written while a clock ran ahead
    settled = AuditEvent.objects.filter(old, pk__gte=start).order_by("pk")
    return [line for line in settled.values_list("pk", "mac")[: MOST + len(done)] if line[0] not in done][:MOST]
