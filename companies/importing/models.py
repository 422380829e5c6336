"""A file of people on its way in: what was sent, how far it got, and what became of it."""

from __future__ import annotations

from django.db import models

from accounts.background import Background, was_lately


class Import(Background):
    """A file that somebody sent to have people made of it.

    `text` is kept until the import is over, a day at most after somebody sent it, began or went on. `begun_at` is when
    somebody did so last, or had the rest invited. `done` is the last line that was gone through; `uninvited`
    are people it made who are still to be invited, in the order of the file. `epoch`, `address` and `browser` are those of
    the session that it was begun in; `turn` goes up whenever somebody takes the work up, so that whoever had it stops.
    """

    name = models.CharField(max_length=200)
    encoding = models.CharField(max_length=20)
    text = models.TextField()
    invites = models.BooleanField(default=True)
    requires = models.BooleanField(default=False)
    lines = models.PositiveIntegerField()
    total = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    made = models.PositiveIntegerField(default=0)
    invited = models.PositiveIntegerField(default=0)
    mistakes = models.JSONField(default=list)
    uninvited = models.JSONField(default=list)
    # With defaults in the database: the release before imports too, while both serve.
    epoch = models.PositiveIntegerField(default=0, db_default=0)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True, default="", db_default="")
    turn = models.PositiveIntegerField(default=0, db_default=0)

    @property
    def runs(self) -> bool:
        """Is it being done, or will it be in a moment?"""
        return not self.stopped and self.ended_at is None and (self.beats or was_lately(self.begun_at))

    @property
    def invites_the_rest(self) -> bool:
        """Is it over, and are those being invited who were left?"""
        return self.ended_at is not None and bool(self.uninvited) and not self.stopped and self.beats

    def __str__(self) -> str:
        return self.name
