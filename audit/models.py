"""The audit's two tables: its lines, and the checkpoints that say which lines there were.

Both are written once: the application has no way to change or delete a row
(ASVS 16.4.2). Whoever goes around it, in SQL, meets the database's own triggers
(migration 0001), and whoever goes around those meets `audit_verify`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Self

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact, IsNull
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


class RunOf(models.Func):
    """The act on many that a line is part of, as its details name it.

    This and what is made of it is written without a parameter: SQLite looks for an index before it knows what one says.
    """

    output_field = models.TextField()
    template = "(%(expressions)s ->> 'run')"

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        return self.as_sql(compiler, connection, template="JSON_EXTRACT(%(expressions)s, '$.run')", **context)


class IsAlone(IsNull):
    """Is a line no part of an act on many?

    PostgreSQL is asked in other words, by which it knows how many lines there are of each kind.
    """

    def as_postgresql(self, compiler: Any, _connection: Any) -> Any:
        [details] = self.lhs.get_source_expressions()
        said, parameters = compiler.compile(details)
        return f"NOT ({said} ? 'run')", parameters


OF_NO_RUN = models.Q(IsAlone(RunOf("details"), True))  # as Django spells it
OF_A_RUN = models.Q(IsNull(RunOf("details"), False))


def _alone(action: str) -> models.Q:
    """Lines of `action` that are part of no act on many, in words for which nothing but their index serves."""
    return OF_NO_RUN & models.Q(
        Exact(Coalesce("action", "action"), models.Func(template=f"'{action}'", output_field=models.TextField()))
    )


# Of what is done to many, those that are shown among the few of a group that shows their sums too (accounts.activity).
SIGNED_OUT_ALONE = _alone("sessions_ended")
CREATED_ALONE = _alone("user_created")


def part_of(run: str) -> models.Q:
    """Lines that are part of this act on many."""
    return models.Q(Exact(RunOf("details"), run))


class AuditEvent(WrittenOnce):
    """One act or one step of a sign-in: who, on whom, what, when, from where."""

    at = models.DateTimeField(default=timezone.now)
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
            # Lists show an act on many as its sum: theirs are the lines beside it, however many are part of it.
            models.Index("at", "id", name="events_alone", condition=OF_NO_RUN),
            models.Index("at", "id", name="events_of_runs", condition=OF_A_RUN),
            models.Index("actor", "at", "id", name="events_alone_by_a_person", condition=OF_NO_RUN),
            models.Index("company", "at", "id", name="events_alone_of_a_company", condition=OF_NO_RUN),
            models.Index("at", "id", name="sign_outs_alone", condition=SIGNED_OUT_ALONE),
            models.Index("company", "at", "id", name="sign_outs_alone_in_a_company", condition=SIGNED_OUT_ALONE),
            models.Index("at", "id", name="created_alone", condition=CREATED_ALONE),
            models.Index("company", "at", "id", name="created_alone_in_a_company", condition=CREATED_ALONE),
            models.Index(RunOf("details"), "at", "id", name="events_of_a_run", condition=OF_A_RUN),
            # Nobody is a value among others to SQLite alone: PostgreSQL does not know that their lines stand in order.
            models.Index("action", "at", "id", name="events_by_nobody", condition=models.Q(actor=None)),
            models.Index(
                "company", "action", "at", "id", name="events_by_nobody_in_a_company", condition=models.Q(actor=None)
            ),
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
