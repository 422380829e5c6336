"""What those who administer see of where and when others sign in. This is the one place that decides (SHOW_WHEREABOUTS)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings

from audit.acts import GROUPS, Group
from audit.vocabulary import Action

if TYPE_CHECKING:
    from uuid import UUID

    from accounts.models import User
    from audit.models import AuditEvent

# Lines that say when somebody was at work. Refusals are not among them: attacks have to be seen.
COMING_AND_GOING = GROUPS[Group.LOGINS] | {
    Action.RECOVERY_CODE_USED,
    Action.ACCESS_PASS_USED,
    Action.SESSION_ENDED,
    Action.OTHER_SESSIONS_ENDED,
}


def hidden(whose: UUID | None, viewer: User | None) -> bool:
    """Are network addresses, browsers, and times of logins of `whose` not for `viewer`? Everybody sees their own.

    Without a viewer, whoever is on the server asks for a list of others.
    """
    return not settings.SHOW_WHEREABOUTS and (viewer is None or whose != viewer.pk)


def hide(event: AuditEvent, viewer: User) -> None:
    """Take from `event`, as it is shown to `viewer`, where it came from, if that is hidden. The row stays as it is."""
    if hidden(event.actor_id or event.subject_id, viewer):
        event.address, event.browser = None, ""
