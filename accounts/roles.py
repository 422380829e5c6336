"""The roles, from the least to the highest, and whom somebody of a role sees: of their scope, nobody of a higher role.

What they may do there stands in `accounts.permissions`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.db import models
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from uuid import UUID


class Role(models.TextChoices):
    ADMINISTRATOR = "administrator", _("Administrator")
    COMPANY_ADMINISTRATOR = "company_administrator", _("Company administrator")
    HELPDESK = "helpdesk", _("Helpdesk")
    AUDITOR = "auditor", _("Auditor")
    MEMBER = "member", _("Member")


class Holder(Protocol):
    """Somebody who has a role, at a company or at none."""

    role: str
    company_id: UUID | None


# The same for the site and for a company: whoever is further right may not be touched from further left.
RANKS = (Role.MEMBER, Role.AUDITOR, Role.HELPDESK, Role.COMPANY_ADMINISTRATOR, Role.ADMINISTRATOR)
# For the whole site where they belong to no company, else for their company.
FOR_EITHER = frozenset({Role.HELPDESK, Role.AUDITOR})
WITHOUT_COMPANY = FOR_EITHER | {Role.ADMINISTRATOR}


def up_to(role: str) -> tuple[Role, ...]:
    """`role` and those below it, the least first: what somebody of it may give to others."""
    return RANKS[: RANKS.index(Role(role)) + 1]


def serves_site(holder: Holder) -> bool:
    """Is `holder`'s scope the whole site, rather than one company or nothing?"""
    return holder.role == Role.ADMINISTRATOR or (holder.role in FOR_EITHER and holder.company_id is None)


def sees_everybody(holder: Holder) -> bool:
    """Does `holder` see all people of the site, administrators included?"""
    return serves_site(holder) and holder.role != Role.HELPDESK


def seen_roles(holder: Holder) -> tuple[Role, ...]:
    """The roles of those whom `holder` sees, within their scope.

    Auditors change nothing, so they see those above them too; administrators of the site are no company's affair.
    """
    if sees_everybody(holder):
        return RANKS
    return up_to(Role.COMPANY_ADMINISTRATOR if holder.role == Role.AUDITOR else holder.role)
