"""What a company's rule, or the site's, does to each of its people, where they are too many for one click: an act on many
that nobody chooses. The switch itself is thrown in the click, and this is begun with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from accounts.permissions import Permission
from audit.models import AuditEvent
from audit.recording import record
from audit.vocabulary import Action
from companies.bulk.acts import MASS_ACTS, Act, Why
from companies.listing.kinds import OPENS_SETTINGS, Kind
from mfa.queries import asked_individually, not_set_up
from notices.recipients import asked_by_the_rule
from notices.sending import tell_each

if TYPE_CHECKING:
    from collections.abc import Sequence

    from accounts.models import UserQuerySet
    from companies.bulk.acts import LeftOut
    from companies.bulk.models import BulkRun
    from companies.listing.kinds import Cell

RELEASE, ANNOUNCE, ANNOUNCE_RULE = "switch_off_own", "announce", "announce_rule"
SWITCH = "two_factor_enabled"


def release(people: Sequence[User], *, actor: User) -> None:
    """Switch off the own switch of each of `people`, who are held and have not set up 2FA, with a line for each."""
    found = User.objects.filter(pk__in=[person.pk for person in people])
    found.update(two_factor_enabled=False, two_factor_changed_at=timezone.now(), two_factor_changed_by=actor)
    for person in people:
        record(Action.TWO_FACTOR_DISABLED, actor=actor, subject=person, changes={SWITCH: [True, False]})


def switched_on_alone(company_id: UUID) -> UserQuerySet:
    """Those of a company whom their own switch asks to set up 2FA."""
    return asked_individually(User.objects.get_queryset().filter(company=company_id, is_active=True))


def to_be_told(company_id: UUID) -> UserQuerySet:
    """Those of a company who are asked to set up 2FA once it is required, and have an address."""
    return not_set_up(User.objects.get_queryset().filter(company=company_id, is_active=True)).exclude(email="")


def to_be_told_of_the_rule() -> UserQuerySet:
    """Those whom the site's rule asks for a factor, and who have an address."""
    return asked_by_the_rule().exclude(email="")


def _release(people: list[User], actor: User, run: BulkRun) -> LeftOut:
    left_out = _gone(people, run)
    left_out |= {
        person.pk: Why.SINCE
        for person in people
        if run.begun_at and person.two_factor_changed_at and person.two_factor_changed_at > run.begun_at
    }
    release([person for person in people if person.pk not in left_out], actor=actor)
    return left_out


def _announce(people: list[User], actor: User, run: BulkRun) -> LeftOut:
    left_out = _gone(people, run)
    line = AuditEvent.objects.filter(
        action=Action.COMPANY_TWO_FACTOR_ENABLED, company=company_of(run), actor=actor
    ).select_related("actor", "subject", "company")
    tell_each(line.latest("pk"), [person for person in people if person.pk not in left_out])
    return left_out


def _announce_rule(people: list[User], actor: User, _run: BulkRun) -> LeftOut:
    line = AuditEvent.objects.filter(action=Action.SITE_RULE_ENABLED, actor=actor)
    tell_each(line.select_related("actor", "subject", "company").latest("pk"), people)
    return {}


def _gone(people: list[User], run: BulkRun) -> LeftOut:
    """Who is in another company by now."""
    return {person.pk: Why.GONE for person in people if person.company_id != company_of(run)}


def company_of(run: BulkRun) -> UUID:
    return UUID((run.asked or {})["company"])


def _not_released(cell: Cell, _demanded: bool) -> Why | None:  # noqa: FBT001  # one of a table
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    if Kind.APP in cell.kind:
        return Why.SET_UP
    return None if Kind.OWN_SWITCH in cell.kind else Why.NOT_REQUIRED


def _not_told(cell: Cell, _demanded: bool) -> Why | None:  # noqa: FBT001  # one of a table
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    if Kind.APP in cell.kind:
        return Why.SET_UP
    return None if cell.required or Kind.OWN_SWITCH in cell.kind else Why.NOT_ASKED


def _not_told_of_the_rule(cell: Cell, demanded: bool) -> Why | None:  # noqa: FBT001  # one of a table
    if Kind.ACTIVE not in cell.kind:
        return Why.DEACTIVATED
    if cell.kind & (Kind.APP | Kind.PASSKEY):
        return Why.SET_UP
    return None if demanded and cell.kind & OPENS_SETTINGS else Why.NOT_ASKED


FOLLOWING: dict[str, Act] = {
    RELEASE: Act(
        _("Personal switches"),
        _("Switch off personal 2FA switches"),
        "minus-circle",
        Permission.COMPANY_RULE,
        _release,
        _not_released,
        finds=lambda run: switched_on_alone(company_of(run)),
    ),
    ANNOUNCE: Act(
        _("Tell by e-mail"),
        _("Tell users by e-mail that 2FA is required"),
        "envelope",
        Permission.COMPANY_RULE,
        _announce,
        _not_told,
        finds=lambda run: to_be_told(company_of(run)),
    ),
    ANNOUNCE_RULE: Act(
        _("Tell by e-mail"),
        _("Tell users by e-mail that the Settings app demands 2FA or a passkey"),
        "envelope",
        Permission.SITE_RULE,
        _announce_rule,
        _not_told_of_the_rule,
        finds=lambda _run: to_be_told_of_the_rule(),
    ),
}
ALL_ACTS = MASS_ACTS | FOLLOWING
