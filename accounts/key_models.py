"""With which keys the machines of the site work, as each says it of itself."""

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


class KeyInUse(models.Model):
    """A key of another setting: when a machine last had it listed, and when one last worked with it."""

    setting = models.CharField(max_length=30)
    name = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField(max_length=64)
    machine = models.CharField(max_length=255)
    seen_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[KeyInUse]] = models.Manager()

    class Meta:
        app_label = "accounts"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["setting", "name", "fingerprint"], name="a_key_once")
        ]

    def __str__(self) -> str:
        return f"{self.setting} {self.name} {self.fingerprint[:8]} on {self.machine}"
