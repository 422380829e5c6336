"""The app that somebody has set up: asked about, taken out of use, and away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F, FilteredRelation, Q
from django.utils import timezone

from audit.vocabulary import Action
from mfa.methods.held import delete_all
from mfa.models import AuthenticatorApp

if TYPE_CHECKING:
    from collections import Counter
    from uuid import UUID

    from django.db.models import QuerySet

    from accounts.models import User

HELD = ("held_app", "held_key", "held_disabled")


def with_app[Rows: QuerySet[Any]](rows: Rows, to: str = "") -> Rows:
    """`rows`, joined to the app (`app`) that their person, to whom `to` leads ("user__"), has set up.

    Quicker to count than one look-up for each.
    """
    apps = f"{to}authenticator_apps"
    return rows.annotate(app=FilteredRelation(apps, condition=Q((f"{apps}__confirmed", True))))


def with_held[Rows: QuerySet[Any]](rows: Rows, to: str) -> Rows:
    """`rows`, each with the app of its person, to whom `to` leads."""
    return with_app(rows, to).annotate(
        held_app=F("app__id"), held_key=F("app__key"), held_disabled=F("app__disabled_at")
    )


def disable(person: User) -> Action | None:
    """Let the app take no codes until it is set up anew (NIST SP 800-63B-4 section 3.2.2); what to write down."""
    in_use = AuthenticatorApp.objects.filter(user=person, confirmed=True, disabled_at=None)
    return Action.APP_DISABLED if in_use.update(disabled_at=timezone.now()) else None


def remove(*people: User) -> Counter[UUID]:
    """Delete their apps, which are locked; how many there were of whom."""
    return delete_all(AuthenticatorApp.objects.filter(user__in=[person.pk for person in people]))
