"""The link "This wasn't me" in mails: signed, good for seven days, and only for locking one person's account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.core import signing
from django.urls import reverse

from accounts.clock import signed_lately
from audit.models import AuditEvent

if TYPE_CHECKING:
    from accounts.models import User

SALT = "accounts.not-me"
SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Claim:
    """What somebody says they did not do: the line of the audit, and the address that was told about it."""

    event: AuditEvent
    address: str

    @property
    def person(self) -> User:
        assert self.event.subject  # links are made for events about somebody
        return self.event.subject


def not_me_link(event: AuditEvent, address: str) -> str:
    """The link for the mail about `event` to `address`."""
    token = signing.dumps([str(event.subject_id), event.pk, address], salt=SALT)
    return settings.BASE_URL + reverse("not_me", args=[token])


def read(token: str) -> Claim | None:
    """What `token` claims; None if it is not ours, older than seven days, or from the future, or of somebody erased."""
    try:
        person_id, event_id, address = signed_lately(token, salt=SALT, seconds=SECONDS)
    except signing.BadSignature:
        return None
    about = AuditEvent.objects.select_related("subject__company", "actor", "company")
    event = about.filter(pk=event_id, subject=person_id, subject__erased_at=None).first()
    return Claim(event, address) if event else None
