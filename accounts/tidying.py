"""What has run out is deleted: once a day by `manage.py tidy`, and every hour by the worker. Doing it twice does no harm.

Whoever has something of their own that runs out adds it at the start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext, gettext_noop

from accounts import addresses
from accounts.models import Session
from accounts.owed import forget_old_mail
from accounts.throttle import budgets

if TYPE_CHECKING:
    from collections.abc import Callable

SECONDS_OF_A_DAY = 24 * 3600


def _forget_ended_sessions() -> int:
    return Session.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def _forget_old_guesses() -> int:
    return budgets.forget_old(settings.GUESS_DAYS * SECONDS_OF_A_DAY)


# What it is, in the command's words, and what deletes it.
TIDIERS: list[tuple[str, Callable[[], int]]] = [
    (gettext_noop("sessions"), _forget_ended_sessions),
    (gettext_noop("counts of guesses"), _forget_old_guesses),
    (gettext_noop("records of mail"), forget_old_mail),
    (gettext_noop("addresses that nobody confirmed"), addresses.forget_ended),
]


def tidy() -> list[str]:
    """Delete all that has run out; how much of each."""
    return [f"{tidier()} {gettext(what)}" for what, tidier in TIDIERS]
