"""An app taken out of use, or away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from audit.vocabulary import Action
from mfa.models import AuthenticatorApp

if TYPE_CHECKING:
    from accounts.models import User


def disable(person: User) -> Action | None:
    """Let the app take no codes until it is set up anew (NIST SP 800-63B-4 section 3.2.2); what to write down."""
    in_use = AuthenticatorApp.objects.filter(user=person, confirmed=True, disabled_at=None)
    return Action.APP_DISABLED if in_use.update(disabled_at=timezone.now()) else None


def remove(person: User) -> int:
    """Delete the app; how many there were."""
    return AuthenticatorApp.objects.filter(user=person).delete()[0]
