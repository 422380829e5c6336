"""An act on many people: whose it is, how far it got, and what became of each person."""

from __future__ import annotations

from django.db import models

from accounts.background import Background


class BulkOutcome(models.TextChoices):
    """What became of somebody. Nothing yet is ""."""

    CHANGED = "changed"
    SKIPPED = "skipped"


class BulkRun(Background):
    """An act (`companies.bulk.acts`) on people who were listed, or on all whom a filter finds when it begins (`asked`).

    `epoch`, `address` and `browser` are those of the session that it was begun in. `turn` goes up whenever somebody takes
    the work up, so that whoever had it before stops. `listed` says that all its people are on record; until then, `shown`
    is whom its filter found when they were counted (`companies.bulk.shown`).
    """

    act = models.CharField(max_length=20)
    asked = models.JSONField(null=True)
    signs_out = models.BooleanField(default=False)
    epoch = models.PositiveIntegerField(default=0)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    turn = models.PositiveIntegerField(default=0)
    listed = models.BooleanField(default=False)
    shown = models.BinaryField(null=True)
    total = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    skipped = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = (models.Index(fields=["ended_at", "beat"], name="runs_that_wait"),)

    def __str__(self) -> str:
        return f"{self.act}: {self.total}"

    @property
    def done(self) -> int:
        return self.changed + self.skipped

    @property
    def left(self) -> int:
        return max(self.total - self.done, 0)


class BulkPerson(models.Model):
    """Somebody an act is for, and what became of them. A name that was pasted and is nobody's has no `person`."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(BulkRun, models.CASCADE, related_name="people", db_index=False)
    person = models.UUIDField(null=True)
    name = models.CharField(max_length=300, blank=True)  # as it was pasted
    outcome = models.CharField(max_length=10, blank=True)
    why = models.CharField(max_length=20, blank=True)  # a Why of `acts`, where they were skipped

    class Meta:
        constraints = (models.UniqueConstraint(fields=["run", "person"], name="once_in_a_run"),)
        indexes = (models.Index(fields=["run", "outcome", "person"], name="people_of_a_run"),)

    def __str__(self) -> str:
        return f"{self.person or self.name}: {self.outcome}"
