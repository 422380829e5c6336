"""What kind of person somebody is, as far as lists tell people apart: a bit for each thing that holds."""

from __future__ import annotations

from enum import IntFlag

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
