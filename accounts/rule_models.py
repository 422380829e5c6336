"""What the whole site demands."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

THE_ONE = 1


class SiteRule(models.Model):
    """One row, or none while nothing was ever demanded.

    `factor_demanded`: everybody who opens the Settings app uses 2FA or a passkey.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=THE_ONE, editable=False)
    factor_demanded = models.BooleanField(default=False)
    changed_at = models.DateTimeField(null=True, editable=False)
    changed_by = models.ForeignKey("accounts.User", models.SET_NULL, null=True, editable=False, related_name="+")

    objects: ClassVar[models.Manager[SiteRule]] = models.Manager()

    class Meta:
        app_label = "accounts"
        constraints = (models.CheckConstraint(condition=Q(id=THE_ONE), name="one_rule_for_the_site"),)

    def __str__(self) -> str:
        return "on" if self.factor_demanded else "off"
