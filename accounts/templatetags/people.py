"""Template filters that every app uses."""

from __future__ import annotations

from string import Formatter
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django import template
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts import dates, whereabouts
from accounts.linked import linked
from accounts.text import inside as inside_a_sentence
from audit import reading, sentences
from audit.acts import GROUPS, Group
from audit.browsers import PHONES, system_name
from audit.vocabulary import Action

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from accounts.models import User
    from audit.models import AuditEvent

register = template.Library()
register.filter(linked)


ICONS = {
    "signed_in": "arrow-right-end-on-rectangle",
    "proved": "arrow-right-end-on-rectangle",
    "confirmed": "check-circle",
    "signed_out": "arrow-left-start-on-rectangle",
    "session_ended": "arrow-left-start-on-rectangle",
    "other_sessions_ended": "arrow-left-start-on-rectangle",
    "refused": "exclamation-circle",
    "two_factor_enabled": "shield-check",
    "two_factor_disabled": "shield-exclamation",
    "app_set_up": "device-phone-mobile",
    "recovery_codes_made": "lifebuoy",
    "recovery_code_used": "lifebuoy",
    "access_pass_made": "ticket",
    "access_pass_used": "ticket",
    "access_pass_withdrawn": "ticket",
    "user_reset": "device-phone-mobile",
    "user_reminded": "bell",
    "reported_not_me": "shield-exclamation",
    "user_locked": "lock-closed",
    "user_let_in": "lock-open",
    "budget_cleared": "lock-open",
    "user_erased": "trash",
    "list_exported": "arrow-down-tray",
    "site_rule_enabled": "shield-check",
    "site_rule_disabled": "shield-exclamation",
    "users_imported": "arrow-up-tray",
    "company_two_factor_enabled": "shield-check",
    "company_pass_demanded": "ticket",
    "company_pass_not_demanded": "ticket",
    "company_two_factor_disabled": "shield-exclamation",
    "activity_exported": "arrow-down-tray",
    "audit_exported": "arrow-down-tray",
    "person_exported": "arrow-down-tray",
}


BAD = {
    Action.REPORTED_NOT_ME,
    Action.USER_LOCKED,
    Action.USER_DEACTIVATED,
    Action.USER_ERASED,
    Action.USER_RESET,
    Action.PASSKEY_SUSPENDED,
    Action.APP_DISABLED,
    Action.RECOVERY_CODES_DISABLED,
    Action.ACCESS_PASS_DISABLED,
}


@register.simple_tag
def invitation_days() -> int:
    """For how many days the link of an invitation is good."""
    days: int = settings.INVITATION_DAYS
    return days


@register.filter
def sees_whereabouts(viewer: User, whose: UUID) -> bool:
    """See accounts.whereabouts."""
    return not whereabouts.hidden(whose, viewer)


@register.filter
def initials(person: User) -> str:
    """Two letters for the round picture."""
    words = person.get_full_name().replace(".", " ").replace("-", " ").split()
    return "".join(word[0] for word in (words[:1] + words[-1:] if words[1:] else words)).upper()


@register.filter
def percent(number: int) -> str:
    """A share as the reader's language writes it: "42%", or with a space that does not break."""
    return _("{number}%").format(number=number)


@register.filter
def moment(at: datetime | None) -> str:
    """See accounts.dates.moment."""
    return dates.moment(at) if at else ""


@register.filter
def full_moment(at: datetime) -> str:
    """See accounts.dates.full_moment."""
    return dates.full_moment(at)


@register.filter
def day(at: datetime | None) -> str:
    """See accounts.dates.day."""
    return dates.day(at) if at else ""


@register.filter
def sentence(event: AuditEvent) -> str:
    """What an audit line says."""
    return sentences.sentence(event)


@register.simple_tag
def parts_of(event: Any, about: User | None = None, by: str = "", lines: str = "") -> list[tuple[str, str]]:
    """The same in parts; people whom the viewer manages come with a link to their page (see accounts.activity).

    `about` is the person whose page it is on, who needs no link. With `by`, the beginning of an address, the link of
    whoever acted leads to what they did. On the page `lines`, or with `by`, the sum of an act on many leads to its lines.
    """
    form, words = sentences.form_and_words(event)
    people = {"actor": event.actor_managed and event.actor, "subject": event.subject_managed and event.subject}
    parts = []
    for text, field, _format, _conversion in Formatter().parse(form):
        parts.append((text, ""))
        if field == "many_done" and (by or lines):
            parts.append((words[field], f"{lines or by.partition('?')[0]}?{_lines_of(event)}"))
            continue
        if field:
            person = people.get(field)
            address = reverse("settings:user", args=[person.pk]) if person and person != about else ""
            if person and address and by and field == "actor":
                address = f"{by}{person.pk}"
            parts.append((words[field], address))
    return parts


def _lines_of(event: Any) -> str:
    """The lines that `event` stands for, in an address: where it is a company's part, those of the company."""
    asked = {"time": "any", "run": event.details.get("many", "")}
    return urlencode({**asked, "company": event.company_id} if "run" in event.details else asked)


@register.filter
def place(event: AuditEvent) -> str:
    """The browser an act came from."""
    return reading.place(event)


@register.filter
def event_icon(event: AuditEvent) -> str:
    """The icon beside an audit line."""
    if event.action.startswith("passkey"):
        return "finger-print"
    if event.action.startswith("company"):
        return ICONS.get(event.action, "building-office-2")
    return ICONS.get(event.action, "user")


@register.filter
def event_tone(event: AuditEvent) -> str:
    """What its icon says by its colour too."""
    if event.action in BAD:
        return "bad"
    return "wait" if event.action in GROUPS[Group.FAILURES] | GROUPS[Group.REQUESTS] else ""


@register.filter
def clock(at: datetime) -> str:
    """Under the heading of a day: "09:20"."""
    return date_format(timezone.localtime(at), "H:i")


@register.simple_tag
def written_now(form: str) -> str:
    """The moment in a form that is translated, as Django's tag `now` takes none."""
    return date_format(timezone.localtime(), form)


@register.filter
def inside(text: object) -> str:
    """See accounts.text.inside."""
    return inside_a_sentence(str(text))


@register.filter
def on_phone(event: AuditEvent) -> bool:
    """Did it come from a phone?"""
    return system_name(event.browser) in PHONES


@register.filter
def sign_in(event: AuditEvent) -> str:
    """A line of "Recent sign-ins": "Safari on Mac, with a passkey"."""
    return reading.sign_in(event)
