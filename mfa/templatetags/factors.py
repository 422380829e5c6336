"""Template filters about people's factors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template

from audit.models import AuditEvent
from audit.vocabulary import Action
from mfa.window.sentences import Window

if TYPE_CHECKING:
    from datetime import datetime

    from accounts.models import User

register = template.Library()


@register.filter
def own_window(person: User) -> Window:
    """What somebody's own window says."""
    return Window(person, person)


@register.filter
def password_changed_at(person: User) -> datetime | None:
    """When somebody chose their password, as far as the audit knows."""
    chosen = AuditEvent.objects.filter(subject=person, action=Action.PASSWORD_CHANGED)
    return chosen.values_list("at", flat=True).first()
