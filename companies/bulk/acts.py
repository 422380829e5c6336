"""What can be done to many people at once: the one table. Each act is the service of a click.

`leaves_out` decides from somebody's kind (companies.listing.kinds), and so the same for a forecast, which knows how
many there are of each kind, and for the work, which looks at each person under their lock. Another act is an entry in
`MASS_ACTS`, its rows before it is done in `companies.views.bulk_effects`, and what the audit says of it in
`audit.sentences`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from accounts import people
from accounts.authorization import ADMINISTRATORS, NOBODY
from accounts.permissions import Permission
from companies import reminders
from companies.listing.kinds import OPENS_SETTINGS, Kind
from mfa import services
from mfa.services import Sessions

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from django.db.models import Q
    from django.utils.functional import _StrPromise as StrPromise

    from accounts.models import User, UserQuerySet
    from companies.bulk.models import BulkRun
    from companies.listing.kinds import Cell

    LeftOut = dict[UUID, "Why"]  # by the key of the person


class Why(StrEnum):
    """Why somebody was left out. The values are stored."""

    ONESELF = "oneself"
    UNKNOWN = "unknown"
    GONE = "gone"
    DEACTIVATED = "deactivated"
    REQUIRED = "required"
    NOT_REQUIRED = "not_required"
    REQUESTED = "requested"
    NOT_REQUESTED = "not_requested"
    LOCKED = "locked"
    NO_PASSWORD = "no_password"  # noqa: S105  # a name
    NOT_ASKED = "not_asked"
    NO_ADDRESS = "no_address"
    TODAY = "today"
    LAST = "last"
    SET_UP = "set_up"
    SINCE = "since"
    LATER = "later"


WHY: dict[Why, StrPromise] = {
    Why.ONESELF: _("This is you: nobody does this to themselves here"),
    Why.UNKNOWN: _("Nobody here has this name or address"),
    Why.GONE: _("No longer among the people you manage"),
    Why.DEACTIVATED: _("Deactivated"),
    Why.REQUIRED: _("Their own 2FA switch is already on"),
    Why.NOT_REQUIRED: _("Their own 2FA switch is off, and nothing is set up"),
    Why.REQUESTED: _("Already asked for a passkey"),
    Why.NOT_REQUESTED: _("Nobody asked them for a passkey"),
    Why.LOCKED: _("Locked until an administrator has looked at the account"),
    Why.NO_PASSWORD: _("Have not chosen a password yet: invite them again"),
    Why.NOT_ASKED: _("Not asked for anything"),
    Why.NO_ADDRESS: _("No e-mail address on record"),
    Why.TODAY: _("Reminded within the last 24 hours"),
    Why.LAST: _("The last administrator who can sign in"),
    Why.SET_UP: _("Have set it up, and keep it"),
    Why.LATER: _("Joined them after you were shown who it is for"),
    Why.SINCE: _("Their own 2FA switch was switched on later"),
}


@dataclass(frozen=True)
class Act:
    """Something that is done to each of many: how it is called, what it needs, and the service that does it.

    `leaves_out` says of whom it would change nothing; `do` says whom it left out for what no forecast knows. `sets_apart` says of
    rows of the listing who is left out for what no kind tells: for the first reason that holds. `factors`: what people hold
    is locked before them, as the service does it. `mails`: it is nothing but a mail, and takes from the budget of whoever
    begins it. What nobody chooses (`companies.bulk.following`) finds its people by itself (`finds`).
    """

    label: StrPromise
    title: StrPromise
    icon: str
    needs: Permission
    do: Callable[[list[User], User, BulkRun], LeftOut]  # the people, the actor, and what else was said
    leaves_out: Callable[[Cell, bool], Why | None]  # and whether the site demands a factor
    sets_apart: Callable[[], dict[Why, Q]] = dict
    also: Q = NOBODY  # who else is to be held
    factors: bool = False
    offers_sign_out: bool = False
    takes_away: bool = False
    mails: bool = False
    finds: Callable[[BulkRun], UserQuerySet] | None = None


def _enable(people: list[User], actor: User, run: BulkRun) -> LeftOut:
    services.enable_two_factor(*people, actor=actor, sessions=_sessions(run))
    return {}


def _disable(people: list[User], actor: User, run: BulkRun) -> LeftOut:
    services.disable_two_factor(*people, actor=actor, sessions=_sessions(run))
    return {}


def _sessions(run: BulkRun) -> Sessions:
    return Sessions.END if run.signs_out else Sessions.GO_ON


def _request(people: list[User], actor: User, _run: BulkRun) -> LeftOut:
    services.request_passkey(*people, actor=actor)
    return {}


def _withdraw(people: list[User], actor: User, _run: BulkRun) -> LeftOut:
    services.delete_passkey_request(*people, actor=actor)
    return {}


def _remind(people: list[User], actor: User, _run: BulkRun) -> LeftOut:
    return {person.pk: Why(why) for person, why in reminders.remind_all(*people, actor=actor).items()}


def _not_reminded(cell: Cell, demanded: bool) -> Why | None:  # noqa: FBT001  # one of a table
    """Who is deactivated, locked, or not asked for anything."""
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    if Kind.LOCKED in cell.kind:
        return Why.LOCKED
    if Kind.REQUESTED in cell.kind:
        return None
    if Kind.APP in cell.kind:
        return Why.NOT_ASKED
    by_site = bool(cell.kind & OPENS_SETTINGS) and Kind.PASSKEY not in cell.kind
    asked = cell.required or Kind.OWN_SWITCH in cell.kind or (by_site and demanded)
    return None if asked else Why.NOT_ASKED


def _not_to_be_reached() -> dict[Why, Q]:
    """Who cannot sign in yet, has no address, or was reminded today."""
    return {Why(why): condition for why, condition in reminders.beyond_reach("person").items()}


def _sign_out(them: list[User], actor: User, _run: BulkRun) -> LeftOut:
    people.end_sessions(*them, actor=actor)
    return {}


def _deactivate(them: list[User], actor: User, _run: BulkRun) -> LeftOut:
    return {person.pk: Why.LAST for person in people.deactivate_all(*them, actor=actor)}


def _unless(cell: Cell, holds: Kind, why: Why) -> Why | None:
    """Left out where none of `holds` holds, and whoever is deactivated."""
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    return None if cell.kind & holds else why


def _if(cell: Cell, holds: Kind, why: Why) -> Why | None:
    """Left out where one of `holds` holds, and whoever is deactivated."""
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    return why if cell.kind & holds else None


MASS_ACTS: dict[str, Act] = {
    "require": Act(
        _("Require 2FA"),
        _("Require two-factor authentication"),
        "shield-check",
        Permission.USER_RULE,
        _enable,
        lambda cell, _demanded: _if(cell, Kind.OWN_SWITCH, Why.REQUIRED),
        offers_sign_out=True,
    ),
    "request": Act(
        _("Request passkey"),
        _("Request a passkey"),
        "finger-print",
        Permission.PASSKEY_REQUEST,
        _request,
        lambda cell, _demanded: _if(cell, Kind.REQUESTED, Why.REQUESTED),
    ),
    "remind": Act(
        _("Remind"),
        _("Remind by e-mail"),
        "bell",
        Permission.REMIND,
        _remind,
        _not_reminded,
        sets_apart=_not_to_be_reached,
        mails=True,
    ),
    "withdraw": Act(
        _("Delete passkey request"),
        _("Delete passkey requests"),
        "x-circle",
        Permission.PASSKEY_REQUEST,
        _withdraw,
        lambda cell, _demanded: _unless(cell, Kind.REQUESTED, Why.NOT_REQUESTED),
    ),
    "sign_out": Act(
        _("Sign out everywhere"),
        _("Sign out everywhere"),
        "arrow-left-start-on-rectangle",
        Permission.SIGN_OUT,
        _sign_out,
        lambda cell, _demanded: _if(cell, Kind(0), Why.DEACTIVATED),
        takes_away=True,
    ),
    "stop": Act(
        _("Stop requiring 2FA"),
        _("Stop requiring two-factor authentication"),
        "minus-circle",
        Permission.USER_RULE,
        _disable,
        lambda cell, _demanded: _unless(cell, Kind.OWN_SWITCH | Kind.APP, Why.NOT_REQUIRED),
        factors=True,
        offers_sign_out=True,
        takes_away=True,
    ),
    "deactivate": Act(
        _("Deactivate"),
        _("Deactivate"),
        "no-symbol",
        Permission.ACTIVATE,
        _deactivate,
        lambda cell, _demanded: _if(cell, Kind(0), Why.DEACTIVATED),
        also=ADMINISTRATORS,
        takes_away=True,
    ),
}


def acts_of(actor: User) -> dict[str, Act]:
    """What `actor` may do to many."""
    if Permission.BULK not in actor.permissions:
        return {}
    return {name: act for name, act in MASS_ACTS.items() if act.needs in actor.permissions}
