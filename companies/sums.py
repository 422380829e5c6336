"""What was done to many, put on record as one line: for all of them, and for those of each company.

A company's lists show its own sum, and whoever serves the site the one of all. Each leads to the lines that it stands for.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from django.db.models import Count

from audit.acts import SUMS
from audit.models import AuditEvent, part_of
from audit.recording import as_part_of, record, written_together
from companies.models import BulkRun, Company, Import

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User
    from audit.vocabulary import Action


def runs_without_sum() -> tuple[str, ...]:
    """Acts on many, and imports, that began and are not over: their lines have no sum yet."""
    begun = [rows.objects.filter(ended_at=None).exclude(begun_at=None).values_list("pk") for rows in (BulkRun, Import)]
    return tuple(str(pk) for (pk,) in begun[0].union(begun[1]))


def sum_up(action: Action, run: UUID, *, actor: User, company: UUID | None = None, **said: Any) -> None:
    """Record the sum of what `run` did since its last one, in the transaction of the caller; of nothing there is none,
    unless it is said how many were `changed`.

    It is of `company`, or of that of `actor`, or of the only one whose people were met. Where there are several, each
    has a part of its own. Within a company it says how many of each role, for not everybody sees all of them.
    """
    met = _met(run, actor)
    if not (met or "changed" in said):
        return
    said = {"changed": sum(map(_all, met.values())), **said, "many": str(run)}
    company = (
        company or (None if actor.serves_site else actor.company_id) or (next(iter(met)) if len(met) == 1 else None)
    )
    parts = {} if company else {key: roles for key, roles in met.items() if key}
    found = Company.objects.in_bulk([company] if company else list(parts))
    if company in met and company:
        said["roles"] = met[company]
    record(action, actor=actor, company=found.get(company) if company else None, **said)
    with as_part_of(run), written_together():
        for key, roles in parts.items():
            part = {"act": said["act"], "many": str(run), "changed": _all(roles), "roles": roles}
            record(action, actor=actor, company=found[key], **part)


def _all(roles: dict[str, int]) -> int:
    return sum(roles.values())


def _met(run: UUID, actor: User) -> dict[UUID | None, dict[str, int]]:
    """How many people of each company, and of each role, have a line that is part of `run` and that has no sum yet."""
    sums = AuditEvent.objects.filter(actor=actor, action__in=SUMS, details__many=str(run)).order_by("-pk")
    lines = AuditEvent.objects.filter(part_of(str(run)), subject__isnull=False).order_by()
    if last := sums.values_list("pk", flat=True).first():
        lines = lines.filter(pk__gt=last)
    met: dict[UUID | None, dict[str, int]] = defaultdict(dict)
    rows = lines.values_list("company", "subject__role").annotate(number=Count("subject", distinct=True))
    for company, role, number in rows:
        met[company][role] = number
    return met
