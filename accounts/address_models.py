"""E-mail addresses that are not confirmed yet."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

LINK_DAYS = 7  # how long a link is good


class PendingAddress(models.Model):
    """The address that was entered for a person and is waiting to be confirmed: one per person, the latest.

    It belongs to nobody yet: two people may be waiting for the same address, and whoever confirms first gets it.
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.OneToOneField("accounts.User", models.CASCADE, related_name="pending_address")
    email = models.EmailField()
    entered_by = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    entered_at = models.DateTimeField(default=timezone.now)

    user_id: UUID
    entered_by_id: UUID

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return self.email

    @property
    def until(self) -> datetime:
        """When its link ends."""
        return self.entered_at + timedelta(days=LINK_DAYS)
