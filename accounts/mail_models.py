"""Mail that is owed to somebody: a row of the act's own transaction, until it is delivered."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone


class MailFate(models.TextChoices):
    """What became of a mail."""

    DELIVERED = "delivered"
    REPLACED = "replaced"  # a later one says the same
    EXPIRED = "expired"  # the link in it had ended
    FAILED = "failed"  # refused for good, or for three days


class OwedMail(models.Model):
    """One mail to one address. `sealed` holds all that it says, and is gone once that is over.

    `cause` is who or what it is because of, `about` what it says, as a digest: of several alike, the last is enough,
    and `spaced` seconds lie between two. Whoever delivers it has a `claim` on it that ends by itself. While its own
    mailbox refuses it, as one that is full, `mailbox_refuses`: that says nothing of mail to others.
    """

    message_id = models.CharField(max_length=320, unique=True)
    cause = models.CharField(max_length=64)
    about = models.CharField(max_length=64, blank=True)
    spaced = models.PositiveIntegerField(default=0)
    sealed = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField(null=True)
    due_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    mailbox_refuses = models.BooleanField(default=False, db_default=False)
    claim = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    fate = models.CharField(max_length=10, choices=MailFate, blank=True)

    class Meta:
        app_label = "accounts"
        indexes = (
            models.Index(fields=["due_at"], condition=Q(ended_at=None), name="mail_that_is_due"),
            models.Index(fields=["cause", "due_at", "id"], condition=Q(ended_at=None), name="mail_of_a_cause"),
            models.Index(fields=["created_at"], condition=Q(ended_at=None), name="mail_that_waits"),
            models.Index(
                fields=["created_at"], condition=Q(ended_at=None, mailbox_refuses=True), name="mail_that_is_refused"
            ),
            models.Index(
                fields=["claimed_until"],
                condition=Q(ended_at=None, claimed_until__isnull=False),
                name="mail_on_its_way",
            ),
            models.Index(fields=["cause", "about"], name="mail_that_says_the_same"),
            models.Index(fields=["ended_at"], condition=Q(ended_at__isnull=False), name="mail_that_is_over"),
            models.Index(fields=["ended_at"], condition=Q(fate="failed"), name="mail_that_was_given_up"),
        )
        constraints = (
            models.CheckConstraint(
                condition=Q(ended_at=None, sealed__isnull=False, fate="")
                | (Q(ended_at__isnull=False, sealed=None) & ~Q(fate="")),
                name="mail_that_is_over_says_nothing",
            ),
        )

    def __str__(self) -> str:
        return self.message_id
