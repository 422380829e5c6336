"""A file of people on its way in: what was sent, how far it got, and what became of it."""

from __future__ import annotations

from uuid import uuid4

from django.db import models
from django.utils import timezone


class Import(models.Model):
    """A file that somebody sent to have people made of it.

    `text` is kept until the import is over, a day at most. `done` is the last line that was gone through; `beat` says when
    it was last known to run. `uninvited` are people it made who are still to be invited.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    owner = models.UUIDField(db_index=True)  # tables of this app know no people
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    name = models.CharField(max_length=200)
    encoding = models.CharField(max_length=20)
    text = models.TextField()
    begun_at = models.DateTimeField(null=True)
    beat = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    invites = models.BooleanField(default=True)
    requires = models.BooleanField(default=False)
    lines = models.PositiveIntegerField()
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    invited = models.PositiveIntegerField(default=0)
    mistakes = models.JSONField(default=list)
    uninvited = models.JSONField(default=list)
    stopped = models.CharField(max_length=300, blank=True)  # why it did not get to its end

    def __str__(self) -> str:
        return self.name
