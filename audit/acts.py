"""Acts in groups, as people look for them. Each act is in exactly one; whoever adds one need not come here."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from audit.vocabulary import Action

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.functional import _StrPromise


class Group(StrEnum):
    """What kind of act; the values stand in addresses."""

    LOGINS = "logins"
    FAILURES = "failures"
    FACTORS = "factors"
    REQUESTS = "requests"
    PASSES = "passes"
    LOCKS = "locks"
    OTHERS = "others"


GROUP_LABELS: dict[Group, _StrPromise] = {
    Group.LOGINS: _("Logins"),
    Group.FAILURES: _("Failures"),
    Group.FACTORS: _("Factors"),
    Group.REQUESTS: _("Requests"),
    Group.PASSES: _("Access passes"),
    Group.LOCKS: _("Locks"),
    Group.OTHERS: _("Users and companies"),
}
MEMBERS: dict[Group, frozenset[Action]] = {
    Group.LOGINS: frozenset(
        {Action.PROVED, Action.SIGNED_IN, Action.SIGNED_OUT, Action.CONFIRMED, Action.PASSKEY_POSTPONED}
    ),
    Group.FAILURES: frozenset(
        {
            Action.REFUSED,
            Action.ACCESS_REFUSED,
            Action.FORM_REFUSED,
            Action.FIELDS_IGNORED,
            Action.STEP_SKIPPED,
            Action.PASSKEY_REFUSED,
        }
    ),
    Group.FACTORS: frozenset({Action.PASSWORD_CHANGED, Action.USER_RESET}),
    Group.REQUESTS: frozenset(
        {
            Action.PASSKEY_REQUESTED,
            Action.PASSKEY_REQUEST_DELETED,
            Action.PASSWORD_RESET_REQUESTED,
            Action.USER_INVITED,
            Action.USER_REMINDED,
            Action.INVITATION_WITHDRAWN,
        }
    ),
    Group.LOCKS: frozenset(
        {
            Action.REPORTED_NOT_ME,
            Action.USER_LOCKED,
            Action.USER_LET_IN,
            Action.USER_UNLOCKED,
            Action.BUDGET_CLEARED,
            Action.USER_DEACTIVATED,
            Action.USER_ACTIVATED,
        }
    ),
}
# Of those that are named nowhere, what the name begins with says it.
BEGINNINGS = {
    Group.FACTORS: ("two_factor_", "app_", "recovery_code", "passkey_"),
    Group.PASSES: ("access_pass_", "company_pass_"),
}


def group_of(action: Action) -> Group:
    """The group that `action` belongs to."""
    for group, actions in MEMBERS.items():
        if action in actions:
            return group
    for group, beginnings in BEGINNINGS.items():
        if action.startswith(beginnings):
            return group
    return Group.OTHERS


GROUPS: dict[Group, frozenset[Action]] = {
    group: frozenset(action for action in Action if group_of(action) is group) for group in Group
}
EVERYTHING = frozenset(Action)
# Each stands for the lines of an act on many: one for all of them, and one for those of each company.
SUMS = frozenset({Action.MANY_ACTED_ON, Action.USERS_IMPORTED})
# What somebody did, apart from coming and going and from what was refused.
CHANGES = EVERYTHING - GROUPS[Group.LOGINS] - GROUPS[Group.FAILURES]


def all_but(actions: Iterable[Action]) -> list[Action]:
    """The acts that are not among `actions`, always in the same order."""
    left_out = set(actions)
    return [action for action in Action if action not in left_out]
