"""What kind of person somebody is, as far as lists tell people apart: a bit for each thing that holds."""

from __future__ import annotations

from enum import IntFlag, StrEnum
from functools import cache
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from accounts.roles import Role


class Kind(IntFlag):
    """What holds for a person. The database writes the same numbers (companies.listing.sql).

    Whether their company requires 2FA is not among them: that switch is one row, however many people it meets.
    """

    ACTIVE = 1
    APP = 2
    OWN_SWITCH = 4
    PASSKEY = 8
    MORE_PASSKEYS = 16
    REQUESTED = 32
    FEW_CODES = 64
    NEVER_SIGNED_IN = 128
    LOCKED = 256
    ADMINISTRATOR = 512
    COMPANY_ADMINISTRATOR = 1024
    HELPDESK = 2048
    AUDITOR = 4096


# Who has none of these is a member.
ROLES = {
    Role.ADMINISTRATOR: Kind.ADMINISTRATOR,
    Role.COMPANY_ADMINISTRATOR: Kind.COMPANY_ADMINISTRATOR,
    Role.HELPDESK: Kind.HELPDESK,
    Role.AUDITOR: Kind.AUDITOR,
}
OPENS_SETTINGS = Kind.ADMINISTRATOR | Kind.COMPANY_ADMINISTRATOR | Kind.HELPDESK | Kind.AUDITOR


class Cell(NamedTuple):
    """People who are alike: their kind, and what their company demands."""

    kind: Kind
    required: bool
    pass_demanded: bool

    @classmethod
    def of(cls, kind: int, required: bool | None, demanded: bool | None) -> Cell:  # noqa: FBT001  # a row's columns
        """From the columns of the listing or the tally."""
        return cls(Kind(kind), bool(required), bool(demanded))


CELL_COLUMNS = ("kind", "company__two_factor_enabled", "company__pass_demanded")


class Chip(StrEnum):
    """A filter of the list of people, by its name in the address."""

    SET_UP = "set_up"
    ASKED = "asked"
    OFF = "off"
    PASSKEY = "passkey"
    REQUESTED = "requested"
    ONE_WAY = "one_way"
    FEW_CODES = "few_codes"
    NEVER = "never"
    LOCKED = "locked"
    INACTIVE = "inactive"


LABELS = {
    Chip.SET_UP: _("Set up"),
    Chip.ASKED: _("Asked at next login"),
    Chip.OFF: _("Not asked"),
    Chip.PASSKEY: _("Passkey"),
    Chip.REQUESTED: _("Passkey requested"),
    Chip.ONE_WAY: _("Only one way in"),
    Chip.FEW_CODES: _("Few recovery codes"),
    Chip.NEVER: _("Never signed in"),
    Chip.LOCKED: _("Locked"),
    Chip.INACTIVE: _("Deactivated"),
}
# Shown with their number even if it is none.
NEVER_HIDDEN = frozenset({Chip.SET_UP, Chip.ASKED, Chip.OFF, Chip.REQUESTED})


def is_met(chip: Chip, kind: int, *, required: bool, demanded: bool = False) -> bool:
    """Does somebody of this kind, whose company requires 2FA or not, stand behind this filter?

    `demanded`: the site's rule asks whoever opens the Settings app and has no passkey.
    """
    return chip in met_by(kind, required=required, demanded=demanded)


@cache  # a page asks a thousand times, about some dozens of kinds
def met_by(kind: int, *, required: bool, demanded: bool) -> frozenset[Chip]:
    """All filters that somebody of this kind stands behind."""
    return frozenset(chip for chip in Chip if _meets(Kind(kind), chip, required=required, demanded=demanded))


def _meets(kind: Kind, chip: Chip, *, required: bool, demanded: bool) -> bool:
    if not kind & Kind.ACTIVE:
        return chip is Chip.INACTIVE
    match chip:
        case Chip.INACTIVE:
            return False
        case Chip.ASKED | Chip.OFF:
            by_site = demanded and kind & OPENS_SETTINGS and not kind & Kind.PASSKEY
            asked = bool(required or kind & Kind.OWN_SWITCH or by_site)
            return not kind & Kind.APP and asked is (chip is Chip.ASKED)
        case Chip.ONE_WAY:  # an app or a passkey, and nothing beside it but recovery codes
            return kind & (Kind.APP | Kind.PASSKEY | Kind.MORE_PASSKEYS) in {Kind.APP, Kind.PASSKEY}
    return bool(kind & BITS[chip])


BITS = {
    Chip.SET_UP: Kind.APP,
    Chip.PASSKEY: Kind.PASSKEY,
    Chip.REQUESTED: Kind.REQUESTED,
    Chip.FEW_CODES: Kind.FEW_CODES,
    Chip.NEVER: Kind.NEVER_SIGNED_IN,
    Chip.LOCKED: Kind.LOCKED,
}


@cache
def role_of(kind: int) -> Role:
    """The role of somebody of this kind."""
    return next((role for role, bit in ROLES.items() if kind & bit), Role.MEMBER)
