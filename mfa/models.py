"""What people hold: an authenticator app, recovery codes, passkeys, a pass; and what they were asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar
from uuid import UUID, uuid4

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django_otp.models import Device

from accounts.models import User

if TYPE_CHECKING:
    from django.db.models.manager import Manager

# WebAuthn Level 3, section 4: a credential id has at most 1023 bytes.
CREDENTIAL_ID_BYTES = 1023


class HeldManager[Row: models.Model](models.Manager[Row]):
    """What people hold, without what was removed and is kept apart for a day (`companies.kept_apart`)."""

    def get_queryset(self) -> models.QuerySet[Row]:
        return super().get_queryset().filter(removed_at=None)


class AuthenticatorApp(Device):
    """An authenticator app. `key` is sealed; `last_used_step` only grows, so each code is used once (RFC 6238 §5.2).

    After a hundred wrong codes in a row it is disabled and must be set up anew (NIST SP 800-63B-4 section 3.2.2).
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="authenticator_apps")
    key = models.BinaryField()
    last_used_step = models.BigIntegerField(default=-1)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar[Manager[AuthenticatorApp]] = HeldManager()
    everything: ClassVar[Manager[AuthenticatorApp]] = models.Manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(confirmed=False), name="a_removed_app_takes_no_codes"
            ),
            models.UniqueConstraint(fields=["user"], condition=Q(confirmed=True), name="one_confirmed_app_a_person"),
        )


class RecoveryCode(models.Model):
    """A code that takes the app's place once. `sealed_digest` is a sealed SHA-256 of 80 random bits."""

    user = models.ForeignKey(User, models.CASCADE, related_name="recovery_codes")
    sealed_digest = models.BinaryField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    used_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar[Manager[RecoveryCode]] = HeldManager()
    everything: ClassVar[Manager[RecoveryCode]] = models.Manager()

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(used_at__isnull=False), name="a_removed_code_opens_nothing"
            ),
        )

    def __str__(self) -> str:
        return f"{self.user_id} {'used' if self.used_at else 'unused'}"


class Passkey(models.Model):
    """A public-key credential of the person's device or password manager (WebAuthn Level 3, section 4)."""

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="passkeys")
    name = models.CharField(max_length=64)
    credential_id = models.BinaryField(max_length=CREDENTIAL_ID_BYTES, unique=True)
    public_key = models.BinaryField()
    sign_count = models.BigIntegerField(default=0)
    aaguid = models.UUIDField(default=UUID(int=0))
    transports: models.JSONField[list[str], list[str]] = models.JSONField(default=list)
    backup_eligible = models.BooleanField(default=False)
    backed_up = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    objects: ClassVar[Manager[Passkey]] = HeldManager()
    everything: ClassVar[Manager[Passkey]] = models.Manager()

    class Meta:
        ordering = ("created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(removed_at=None) | Q(suspended_at__isnull=False), name="a_removed_passkey_opens_nothing"
            ),
            models.UniqueConstraint(fields=["user", "name"], name="passkey_names_differ"),
            models.CheckConstraint(condition=Q(sign_count__gte=0), name="sign_count_is_a_count"),
            models.CheckConstraint(
                condition=Q(backup_eligible=True) | Q(backed_up=False), name="only_eligible_passkeys_are_backed_up"
            ),
        )

    def __str__(self) -> str:
        return self.name


class AccessPass(models.Model):
    """A pass that an administrator gave: once, with the password, it opens the set-up of an app, and nothing else.

    `digest` is an HMAC; `until` is None once it was used or withdrawn; `epoch` is the session epoch that it was made in, so
    that it ends with all sessions. The row stays until something is set up: a pass that is over is asked for still.
    """

    user = models.OneToOneField(User, models.CASCADE, related_name="access_pass")
    digest = models.BinaryField()
    until = models.DateTimeField(null=True)
    epoch = models.PositiveIntegerField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")

    def __str__(self) -> str:
        return f"{self.user_id} {'open' if self.is_open else 'over'}"

    @property
    def is_open(self) -> bool:
        """Can it be used still?"""
        return self.until is not None and self.until > timezone.now() and self.epoch == self.user.session_epoch


class PasskeyRequest(models.Model):
    """Somebody's wish that a person create a passkey at the next login."""

    user = models.OneToOneField(User, models.CASCADE, related_name="passkey_request")
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now, editable=False)

    def __str__(self) -> str:
        return f"{self.user_id} {self.requested_at:%Y-%m-%d}"
