"""Who may do what: the one table. On whom is a matter of scope and rank, which is a queryset (`User.objects.managed_by`).

A view names the permission that it needs (`accounts.guards`), and the service behind it asks for it again under the
lock (`accounts.authorization`). What people do to themselves needs none. The table of docs/access.md is this one.
"""

from __future__ import annotations

from enum import StrEnum

from accounts.roles import Role


class Permission(StrEnum):
    """Something that a role may do to those whom it sees."""

    LOOK = "look"  # the Settings app: lists, pages of users and companies, their history
    ACTIVITY = "activity"  # what was done by anybody in one's scope
    EXPORT = "export"  # lists and activity as files

    UNLOCK = "unlock"  # end a wait after wrong passwords and codes
    PASSWORD_RESET = "password_reset"  # noqa: S105  # have a link mailed to its owner
    SIGN_OUT = "sign_out"
    RESET = "reset"  # remove what is lost, with a reason and how identity was checked
    PASS = "pass"  # noqa: S105  # an access pass
    REMIND = "remind"

    USER_RULE = "user_rule"  # a person's 2FA switch
    PASSKEY_REQUEST = "passkey_request"
    PASSKEY_DELETE = "passkey_delete"
    PROFILE = "profile"  # create people, change name, address, role, company
    INVITE = "invite"
    ACTIVATE = "activate"  # and deactivate
    PERSON_FILE = "person_file"  # all that is kept of somebody, for them
    ERASE = "erase"  # all that is kept of somebody, for good
    LOCK = "lock"  # lock an account, and let its person in again
    BULK = "bulk"  # acts on many at once, each of which needs its own permission too
    IMPORT = "import"

    COMPANY_RULE = "company_rule"  # a company's 2FA switch, and what else it demands of its people
    COMPANY_CHANGE = "company_change"
    COMPANY_SIGN_OUT = "company_sign_out"
    COMPANY_CREATE = "company_create"
    SITE_RULE = "site_rule"  # what is demanded of everybody who opens the Settings app

    OWN = "own"  # set up, name and choose what one signs in with: for oneself alone


A, C, H, U = Role.ADMINISTRATOR, Role.COMPANY_ADMINISTRATOR, Role.HELPDESK, Role.AUDITOR

WHO_MAY: dict[Permission, frozenset[Role]] = {
    Permission.LOOK: frozenset({A, C, H, U}),
    Permission.ACTIVITY: frozenset({A, C, U}),
    Permission.EXPORT: frozenset({A, C, U}),
    Permission.UNLOCK: frozenset({A, C, H}),
    Permission.PASSWORD_RESET: frozenset({A, C, H}),
    Permission.SIGN_OUT: frozenset({A, C, H}),
    Permission.RESET: frozenset({A, C, H}),
    Permission.PASS: frozenset({A, C, H}),
    Permission.REMIND: frozenset({A, C, H}),
    Permission.USER_RULE: frozenset({A, C}),
    Permission.PASSKEY_REQUEST: frozenset({A, C}),
    Permission.PASSKEY_DELETE: frozenset({A, C}),
    Permission.PROFILE: frozenset({A, C}),
    Permission.INVITE: frozenset({A, C}),
    Permission.ACTIVATE: frozenset({A, C}),
    Permission.PERSON_FILE: frozenset({A, C}),
    Permission.ERASE: frozenset({A, C}),
    Permission.LOCK: frozenset({A, C}),
    Permission.BULK: frozenset({A, C, H}),
    Permission.IMPORT: frozenset({A, C}),
    Permission.COMPANY_RULE: frozenset({A, C}),
    Permission.COMPANY_CHANGE: frozenset({A, C}),
    Permission.COMPANY_SIGN_OUT: frozenset({A, C}),
    Permission.COMPANY_CREATE: frozenset({A}),
    Permission.SITE_RULE: frozenset({A}),
    Permission.OWN: frozenset(),
}

OF_ROLE: dict[str, frozenset[Permission]] = {
    role: frozenset(permission for permission, roles in WHO_MAY.items() if role in roles) for role in Role
}
