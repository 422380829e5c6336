"""What came of an act, as the details of its line say it: what went, what was put back, until when a pass opens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from audit.methods import enumerated

if TYPE_CHECKING:
    from audit.models import AuditEvent


def removed(event: AuditEvent) -> str:
    """ "the authenticator app, 8 recovery codes and the passkey “Key”"; passkeys by number where their names are not kept."""
    gone: Any = event.details.get("removed", {})
    if not isinstance(gone, dict):
        return ""
    codes, passkeys = gone.get("recovery_codes", 0), gone.get("passkeys", 0)
    names = event.details.get("passkeys", [])
    said = [_("the authenticator app")] if gone.get("authenticator_apps") else []
    if codes:
        said.append(ngettext("{number} recovery code", "{number} recovery codes", codes).format(number=codes))
    if names:
        said += [_("the passkey “{name}”").format(name=name) for name in names]
    elif passkeys:
        said.append(ngettext("{number} passkey", "{number} passkeys", passkeys).format(number=passkeys))
    return enumerated(said)


def put_back(event: AuditEvent) -> str:
    """ "the authenticator app and “Key”"."""
    words = {"authenticator_app": _("the authenticator app"), "recovery_codes": _("recovery codes")}
    back = event.details.get("put_back", [])
    return enumerated([words.get(name) or _("“{name}”").format(name=name) for name in back])


def until(event: AuditEvent) -> str:
    """When what was given ends: "24 Nov 2026, 17:20"."""
    at = parse_datetime(event.details.get("until", ""))
    if at is None:
        return ""
    local = timezone.localtime(at)
    return f"{date_format(local, _('j M Y'))}, {local:%H:%M}"
