"""The closed vocabulary of the audit: what happened, in one word. `sentences` says it to people."""

from enum import StrEnum


class Action(StrEnum):
    """What a line of the audit can say. The values are stored: they never change."""

    # A sign-in, step by step
    PROVED = "proved"
    SIGNED_IN = "signed_in"
    REFUSED = "refused"
    SIGNED_OUT = "signed_out"
    CONFIRMED = "confirmed"
    PASSKEY_POSTPONED = "passkey_postponed"

    # What was refused
    ACCESS_REFUSED = "access_refused"
    FORM_REFUSED = "form_refused"
    FIELDS_IGNORED = "fields_ignored"
    STEP_SKIPPED = "step_skipped"

    # Two-factor authentication
    TWO_FACTOR_ENABLED = "two_factor_enabled"
    TWO_FACTOR_DISABLED = "two_factor_disabled"
    APP_SET_UP = "app_set_up"
    RECOVERY_CODES_MADE = "recovery_codes_made"
    APP_DISABLED = "app_disabled"
    RECOVERY_CODES_DISABLED = "recovery_codes_disabled"
    RECOVERY_CODE_USED = "recovery_code_used"
    ACCESS_PASS_MADE = "access_pass_made"  # noqa: S105  # a name
    ACCESS_PASS_USED = "access_pass_used"  # noqa: S105  # the same
    ACCESS_PASS_WITHDRAWN = "access_pass_withdrawn"  # noqa: S105  # the same
    ACCESS_PASS_DISABLED = "access_pass_disabled"  # noqa: S105  # the same

    # Passkeys
    PASSKEY_REQUESTED = "passkey_requested"
    PASSKEY_REQUEST_DELETED = "passkey_request_deleted"
    PASSKEY_CREATED = "passkey_created"
    PASSKEY_REFUSED = "passkey_refused"
    PASSKEY_RENAMED = "passkey_renamed"
    PASSKEY_DELETED = "passkey_deleted"
    PASSKEY_SUSPENDED = "passkey_suspended"

    # What the whole site demands
    SITE_RULE_ENABLED = "site_rule_enabled"
    SITE_RULE_DISABLED = "site_rule_disabled"

    # People and companies
    USER_CREATED = "user_created"
    USER_CHANGED = "user_changed"
    ADDRESS_ENTERED = "address_entered"
    ADDRESS_WITHDRAWN = "address_withdrawn"
    USER_DEACTIVATED = "user_deactivated"
    USER_ACTIVATED = "user_activated"
    USER_ERASED = "user_erased"
    USER_UNLOCKED = "user_unlocked"
    BUDGET_CLEARED = "budget_cleared"
    USER_REMINDED = "user_reminded"
    USER_INVITED = "user_invited"
    INVITATION_WITHDRAWN = "invitation_withdrawn"
    PASSWORD_RESET_REQUESTED = "password_reset_requested"  # noqa: S105  # is no password
    PASSWORD_CHANGED = "password_changed"  # noqa: S105  # the same
    REPORTED_NOT_ME = "reported_not_me"
    USER_LOCKED = "user_locked"
    USER_LET_IN = "user_let_in"
    USER_RESET = "user_reset"
    SESSIONS_ENDED = "sessions_ended"
    SESSION_ENDED = "session_ended"
    OTHER_SESSIONS_ENDED = "other_sessions_ended"
    COMPANY_CREATED = "company_created"
    COMPANY_CHANGED = "company_changed"
    COMPANY_TWO_FACTOR_ENABLED = "company_two_factor_enabled"
    COMPANY_TWO_FACTOR_DISABLED = "company_two_factor_disabled"
    COMPANY_PASS_DEMANDED = "company_pass_demanded"  # noqa: S105  # a name
    COMPANY_PASS_NOT_DEMANDED = "company_pass_not_demanded"  # noqa: S105  # the same
    COMPANY_SESSIONS_ENDED = "company_sessions_ended"
    LIST_EXPORTED = "list_exported"
    USERS_IMPORTED = "users_imported"
    MANY_ACTED_ON = "many_acted_on"
    WORK_GIVEN_UP = "work_given_up"

    # What was read
    ACTIVITY_EXPORTED = "activity_exported"
    AUDIT_EXPORTED = "audit_exported"
    PERSON_EXPORTED = "person_exported"
