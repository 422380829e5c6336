"""The audit's two tables: its lines, and the checkpoints that say which lines there were.

Both are written once: the application has no way to change or delete a row
(ASVS 16.4.2). Whoever goes around it, in SQL, meets the database's own triggers
(migration 0001), and whoever goes around those meets `audit_verify`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from django.conf import settings
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from django.db.models.fetch_modes import FetchMode


class WrittenOnceError(TypeError):
    """A row that is written once was to be changed or deleted."""

    def __init__(self) -> None:
        super().__init__("This is written once, and never changed or deleted.")


class WrittenOnceQuerySet[T: models.Model](models.QuerySet[T]):
    """Reads and adds; nothing else."""

    def update(self, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    def delete(self) -> NoReturn:
        raise WrittenOnceError

    def bulk_update(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    def bulk_create(self, objs: Any, *args: Any, update_conflicts: bool = False, **kwargs: Any) -> list[T]:
        if update_conflicts:
            raise WrittenOnceError
        return super().bulk_create(objs, *args, **kwargs)

    def update_or_create(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError


class WrittenOnce(models.Model):
    """A row that is there for good once it is saved."""

    is_written = False

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.is_written:
            raise WrittenOnceError
        super().save(force_insert=True)
        self.is_written = True

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise WrittenOnceError

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        *,
        fetch_mode: FetchMode | None = None,
    ) -> Self:
        row = super().from_db(db, field_names, values, fetch_mode=fetch_mode)
        row.is_written = True
        return row


class AuditEvent(WrittenOnce):
    """One act or one step of a sign-in: who, on whom, what, when, from where."""

    at = models.DateTimeField(default=timezone.now, db_index=True)
    action = models.CharField(max_length=40)  # an Action of `vocabulary`
    # Their indexes are below, each with the time behind it.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="acts", db_index=False)
    subject = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="events", db_index=False
    )
    company = models.ForeignKey("companies.Company", models.PROTECT, null=True, related_name="events", db_index=False)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    details = models.JSONField(default=dict)

    objects: ClassVar[models.Manager[AuditEvent]] = models.Manager.from_queryset(WrittenOnceQuerySet)()

    actor_id: UUID | None
    subject_id: UUID | None
    company_id: UUID | None

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=["subject", "-at"], name="events_of_a_person"),
            models.Index(fields=["company", "-at"], name="events_of_a_company"),
            models.Index(fields=["actor", "-at"], name="events_by_a_person"),
            models.Index(fields=["action", "-at"], name="events_of_an_act"),
            models.Index(fields=["actor", "action", "-at"], name="acts_by_a_person"),
            models.Index(fields=["company", "action", "-at"], name="acts_in_a_company"),
        )
        constraints = (models.CheckConstraint(condition=models.Q(id__gte=1), name="lines_are_numbered_from_1"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.subject_id or ''}"


class Checkpoint(WrittenOnce):
    """Which lines there were: what was said of them, byte for byte as it was signed, and the signature (audit.sealing)."""

    number = models.PositiveBigIntegerField(primary_key=True)
    statement = models.TextField()
    signature = models.CharField(max_length=128)

    objects: ClassVar[models.Manager[Checkpoint]] = models.Manager.from_queryset(WrittenOnceQuerySet)()

    class Meta:
        ordering = ("number",)
        constraints = (
            models.CheckConstraint(condition=models.Q(number__gte=1), name="checkpoints_are_numbered_from_1"),
        )
