"""How often was guessed: a table that `accounts.throttle.budgets` alone reads and writes."""

from django.db import models

from accounts.throttle.rule import Count


class Budget(models.Model):
    """How many guesses were wrong under one key, and until when none is looked at."""

    key = models.CharField(max_length=80, primary_key=True)
    failures = models.IntegerField()
    blocked_until = models.FloatField()
    last_at = models.FloatField(db_index=True)
    began_at = models.FloatField(default=0)  # when the first of `failures` was

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return f"{self.key} {self.failures}"

    @property
    def count(self) -> Count:
        """What is kept, as the rule takes it."""
        return Count(self.failures, self.blocked_until, self.last_at, self.began_at)
