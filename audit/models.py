"""The audit's two tables: its lines, and the seals that say which lines there were."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.utils import timezone

from audit.sealing import macs
from audit.sealing.written_once import MacField, WrittenOnce, WrittenOnceQuerySet
from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID


class AuditEvent(WrittenOnce):
    """One act or one step of a sign-in: who, on whom, what, when, from where. Written once, never changed.

    Its code covers all of it but the id, which the database gives; order and
    completeness come from the seals.
    """

    at = models.DateTimeField(default=timezone.now, db_index=True)
    action = models.CharField(max_length=40, choices=Action.choices)
    actor = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="acts")
    subject = models.ForeignKey("accounts.User", models.PROTECT, null=True, related_name="events")
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="events")
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)
    mac = MacField()

    objects: ClassVar[models.Manager[AuditEvent]] = models.Manager.from_queryset(WrittenOnceQuerySet)()

    actor_id: UUID | None
    subject_id: UUID | None
    company_id: UUID | None

    class Meta:
        app_label = "accounts"
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=["subject", "-at"], name="events_of_a_person"),
            models.Index(fields=["company", "-at"], name="events_of_a_company"),
        )
        constraints = (
            models.UniqueConstraint(fields=["mac"], name="no_line_is_a_copy"),
            models.CheckConstraint(condition=models.Q(id__gte=1), name="lines_are_numbered_from_1"),
        )

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject_id or ''}"

    def columns(self) -> dict[str, object]:
        return {
            "at": macs.moment(self.at),
            "action": str(self.action),
            "actor": self.actor_id and str(self.actor_id),
            "subject": self.subject_id and str(self.subject_id),
            "company": self.company_id and str(self.company_id),
            "address": macs.network_address(self.address),
            "browser": self.browser,
            "details": json.loads(json.dumps(self.details)),
        }


class AuditSeal(WrittenOnce):
    """Which lines there were: their ids and a digest over their codes, chained to the seal before.

    `ids` are ranges, [[first, last], …]: an id between them was never a line
    when this was sealed, because its transaction was rolled back.
    """

    number = models.PositiveBigIntegerField(primary_key=True)
    at = models.DateTimeField(default=timezone.now)
    first = models.BigIntegerField()
    last = models.BigIntegerField()
    count = models.PositiveIntegerField()
    ids = models.JSONField()
    digest = models.CharField(max_length=64)
    mac = MacField()

    objects: ClassVar[models.Manager[AuditSeal]] = models.Manager.from_queryset(WrittenOnceQuerySet)()

    class Meta:
        app_label = "accounts"
        ordering = ("number",)
        constraints = (models.CheckConstraint(condition=models.Q(number__gte=1), name="seals_are_numbered_from_1"),)

    def columns(self) -> dict[str, object]:
        return {
            "number": self.number,
            "at": macs.moment(self.at),
            "first": self.first,
            "last": self.last,
            "count": self.count,
            "ids": self.ids,
            "digest": self.digest,
        }

    @property
    def sealed(self) -> set[int]:
        """The ids of the lines under this seal."""
        return {id_ for first, last in self.ids for id_ in range(first, last + 1)}


def digest_of(lines: Iterable[tuple[int, str]], before: str) -> str:
    """A digest over lines, as (id, code) in order of their ids, and over the seal `before` them."""
    digest = sha256(macs.canonical(before))
    for line in lines:
        digest.update(macs.canonical(line))
    return digest.hexdigest()
