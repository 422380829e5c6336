"""What mails say of the next login, in the order of its steps: a reminder, and whatever changes what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from mfa.demands import Demand, asked_in
from mfa.forecast import Outcome, once_open, outcome
from mfa.queries import circumstances_of, with_holdings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from django.db.models import QuerySet
    from django.utils.functional import _StrPromise

    from audit.models import AuditEvent

NO_WAY, ALREADY = "no_way", "already"
# By the word that the line of the audit keeps.
ASKED: dict[str, _StrPromise] = {
    "missing_pass": _(
        "At your next login you need an access pass, after the password: ask your administrator for one before."
    ),
    "given_pass": _("At your next login, after the password, enter the access pass that you were given."),
    "two_factor": _(
        "You are asked to set up two-factor authentication, and cannot get in without it. Have your phone ready, with "
        "an authenticator app: the app reads a QR code from the page, and shows six digits, which you type in."
        " Then you save ten recovery codes, for the day the phone is gone. It takes two minutes."
    ),
    "factor": _(
        "You are asked to set up two-factor authentication or a passkey, and cannot get in without one of them. Have "
        "your phone ready: the page shows you how. It takes two minutes."
    ),
    "passkey": _(
        "You are asked to create a passkey: with it, you sign in by fingerprint, face or screen lock. It takes a "
        "minute, and “Not now” puts it off."
    ),
    NO_WAY: _(
        "You cannot get in at your next login, because your authenticator app is locked: ask your administrator."
    ),
    ALREADY: _("You have set it up already: nothing changes for you."),
}
SET_UP = {"two_factor", "factor"}


def asks_for_set_up(event: AuditEvent) -> bool:
    """Does the reminder ask for more than a passkey?"""
    return bool(SET_UP & set(event.details.get("asked", ())))


def asks_for_passkey_alone(event: AuditEvent) -> bool:
    return not asks_for_set_up(event)


def reminded_of(event: AuditEvent) -> str:
    """What the next login asks for, and until when nothing changes; "" of any other line than a reminder's."""
    asked = asked_in_words(event.details.get("asked", ()))
    if not asked:
        return ""
    until = _now("Until your next login nothing changes: where you are signed in, you stay signed in.")
    return f"{asked} {until}"


def asked_in_words(asked: Iterable[str]) -> str:
    """What is asked, as a mail says it."""
    return " ".join(str(ASKED[each]) for each in asked if each in ASKED)


# --- What the next login asks of somebody now ---


def asked_of(people: Collection[UUID]) -> dict[UUID, list[str]]:
    """What the next login asks of each of `people`, once their account is open: one statement for all."""
    return {person.pk: asked for person, asked in each_asked(User.objects.filter(pk__in=people))} if people else {}


def each_asked(people: QuerySet[User]) -> list[tuple[User, list[str]]]:
    """Each of them, with what it asks."""
    return [(person, _asked(person)) for person in with_holdings(people.select_related("company"))]


def _asked(person: User) -> list[str]:
    opened = once_open(circumstances_of(person))
    if outcome(opened) is Outcome.STUCK and opened.standing.has_app:
        return [NO_WAY]
    return [*asked_in(opened)]


def for_two_factor(asked: list[str]) -> list[str]:
    """What is asked for two-factor authentication."""
    return [each for each in asked if each != Demand.PASSKEY]


def two_factor_or_nothing(asked: list[str]) -> list[str]:
    """The same where it was just required: who is asked for nothing has set it up."""
    return for_two_factor(asked) or [ALREADY]


def then_passkey(asked: list[str]) -> list[str]:
    """The same where a passkey was just requested: what comes before it, and the passkey."""
    return asked if {Demand.PASSKEY, NO_WAY} & set(asked) else [*asked, Demand.PASSKEY]
