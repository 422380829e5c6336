"""Lines of the audit as one viewer may see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef

from accounts.models import User

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.db.models import QuerySet

    from audit.models import AuditEvent


def newest(lines: QuerySet[AuditEvent], *, viewer: User, number: int = 10) -> list[AuditEvent]:
    """The newest of `lines`, without address and browser of actors whom `viewer` does not manage, but for acts on
    `viewer`."""
    return shown_to(viewer, seen_by(viewer, lines)[:number])


def seen_by(viewer: User, lines: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
    """`lines`, each with whether `viewer` manages its actor and its subject."""
    managed = User.objects.managed_by(viewer)
    return lines.select_related("actor", "subject", "company").annotate(
        actor_managed=Exists(managed.filter(pk=OuterRef("actor"))),
        subject_managed=Exists(managed.filter(pk=OuterRef("subject"))),
    )


def shown_to(viewer: User, lines: Iterable[Any]) -> list[AuditEvent]:
    """`lines` of `seen_by`, without what is not for `viewer`."""
    events = list(lines)
    for event in events:
        if event.actor_id and not event.actor_managed and event.subject_id != viewer.pk:
            event.address, event.browser = None, ""
    return events
