"""With which SECRET_KEY the machines of the site sign."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class SigningKey(models.Model):
    """A SECRET_KEY by its fingerprint, and where it was last seen in use."""

    fingerprint = models.CharField(primary_key=True, max_length=64)
    machine = models.CharField(max_length=255)
    seen_at = models.DateTimeField()

    objects: ClassVar[models.Manager[SigningKey]] = models.Manager()

    class Meta:
        app_label = "accounts"

    def __str__(self) -> str:
        return f"{self.fingerprint[:8]} on {self.machine}"
