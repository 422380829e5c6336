"""Numbers of a day that is over. Nobody's name is among them."""

from __future__ import annotations

from django.db import models


class Snapshot(models.Model):
    """How many people of each kind there were at the end of `day`, and how often people signed in that day.

    One row for each company, one for people without a company, and one for all of them together (`whole`).
    `kinds` has for each kind (companies.listing.kinds, as far as reporting.past knows it) how many there were,
    and how many of them in a company that required 2FA. `logins` and `failures` count by method, and by method and
    reason. `until` is the moment of which the numbers tell: the end of the day, or earlier where the day was not over.
    """

    day = models.DateField()
    company = models.ForeignKey(
        "companies.Company", models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False
    )
    whole = models.BooleanField(default=False)
    until = models.DateTimeField()
    demanded = models.BooleanField(default=False)  # by the site, of everybody who opens the Settings app
    kinds = models.JSONField(default=dict)
    logins = models.JSONField(default=dict)
    failures = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["company", "day"],
                condition=models.Q(company__isnull=False),
                name="one_snapshot_a_company_a_day",
            ),
            models.UniqueConstraint(
                fields=["whole", "day"], condition=models.Q(company=None), name="one_snapshot_of_all_a_day"
            ),
        )

    def __str__(self) -> str:
        return f"{self.day} {self.company_id or ('all' if self.whole else 'no company')}"
