"""The table of sessions."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from math import ceil
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession, BaseSessionManager
from django.db import models
from django.utils import timezone

from accounts.clock import APART, is_ahead

if TYPE_CHECKING:
    from datetime import datetime


class SessionManager(BaseSessionManager["Session"]):
    def live(self) -> models.QuerySet[Session]:
        """The sessions that have not run out."""
        now, latest = timezone.now(), timezone.now() + timedelta(seconds=APART)
        return self.filter(expire_date__gt=now, started_at__lte=latest, seen_at__lte=latest)


class Session(AbstractBaseSession):
    """A session, and whose it is: so that it can be listed, counted and ended.

    `public_id` names it to people; the key is in the cookie only. `started_at`
    is when its first factor was proved, `proved_by` lists what was proved
    ("password totp", "passkey:<id>"), `is_complete` says that no step is left.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions")
    public_id = models.UUIDField(default=uuid4, unique=True, editable=False)
    started_at = models.DateTimeField(default=timezone.now, editable=False)
    seen_at = models.DateTimeField(default=timezone.now, editable=False)
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=300, blank=True)
    proved_by = models.TextField(blank=True)
    is_complete = models.BooleanField(default=False)

    objects: ClassVar[SessionManager] = SessionManager()

    class Meta(AbstractBaseSession.Meta):
        app_label = "accounts"

    @classmethod
    def get_session_store_class(cls) -> Any:
        return import_module(settings.SESSION_ENGINE).SessionStore

    def columns(self) -> dict[str, object]:
        """What it holds, by column."""
        return {column.attname: getattr(self, column.attname) for column in self._meta.concrete_fields}

    @property
    def limit(self) -> datetime:
        """When it ends if nothing more is done: idle too long, or too old (NIST SP 800-63B-4 section 2.2.3)."""
        idle = self.seen_at + timedelta(seconds=settings.SESSION_IDLE_SECONDS)
        return min(idle, self.started_at + timedelta(seconds=settings.SESSION_SECONDS))

    @property
    def ends_at(self) -> datetime:
        """The same, or earlier where it was kept under other settings."""
        return min(self.limit, self.expire_date)

    @property
    def has_ended(self) -> bool:
        """Is it over? One that began, or was last seen, in the future would outlive its day, and is over too."""
        return self.ends_at <= timezone.now() or is_ahead(max(self.started_at, self.seen_at).timestamp())

    def seconds_left(self) -> tuple[int, int]:
        """Until it ends if nothing is done, and until it ends whatever is done."""
        now, overall = timezone.now(), self.started_at + timedelta(seconds=settings.SESSION_SECONDS)
        idle_left, left = (max(0, ceil((end - now).total_seconds())) for end in (self.ends_at, overall))
        return idle_left, left
