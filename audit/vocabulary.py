"""The closed vocabulary of the audit."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Action(models.TextChoices):
    """What an audit line can say. The label is the sentence, with {actor}, {subject}, {company} and its details."""

    # A sign-in, step by step
    PROVED = "proved", _("{subject} passed a step of the login with {method}")
    SIGNED_IN = "signed_in", _("{subject} signed in with {method}")
    REFUSED = "refused", _("A sign-in as {subject} with {method} was refused")
    SIGNED_OUT = "signed_out", _("{subject} signed out")
    CONFIRMED = "confirmed", _("{subject} confirmed who they are with {method}")
    PASSKEY_POSTPONED = "passkey_postponed", _("{subject} chose “Not now” when asked for a passkey")

    # What was refused
    ACCESS_REFUSED = "access_refused", _("{actor} was refused a page that is not theirs")
    FORM_REFUSED = "form_refused", _("A form of {actor} was refused: it came from another page or session")
    FIELDS_IGNORED = (
        "fields_ignored",
        _("{actor} sent fields with a form that are not theirs to set: they were ignored"),
    )
    STEP_SKIPPED = "step_skipped", _("{subject} was refused a page before the login was finished")

    # Two-factor authentication
    TWO_FACTOR_ENABLED = "two_factor_enabled", _("{actor} switched two-factor authentication on for {subject}")
    TWO_FACTOR_DISABLED = "two_factor_disabled", _("{actor} switched two-factor authentication off for {subject}")
    APP_SET_UP = "app_set_up", _("{subject} set up an authenticator app")
    RECOVERY_CODES_MADE = "recovery_codes_made", _("{subject} made new recovery codes")
    APP_DISABLED = "app_disabled", _("The authenticator app of {subject} was disabled after 100 wrong codes")
    RECOVERY_CODES_DISABLED = (
        "recovery_codes_disabled",
        _("The recovery codes of {subject} became void after 100 wrong ones"),
    )
    RECOVERY_CODE_USED = "recovery_code_used", _("{subject} used a recovery code")

    # Passkeys
    PASSKEY_REQUESTED = "passkey_requested", _("{actor} asked {subject} for a passkey")
    PASSKEY_REQUEST_DELETED = "passkey_request_deleted", _("{actor} deleted the passkey request for {subject}")
    PASSKEY_CREATED = "passkey_created", _("{subject} created the passkey “{name}”")
    PASSKEY_REFUSED = "passkey_refused", _("A new passkey of {subject} was refused")
    PASSKEY_RENAMED = "passkey_renamed", _("{subject} renamed the passkey “{before}” to “{name}”")
    PASSKEY_DELETED = "passkey_deleted", _("{actor} deleted the passkey “{name}” of {subject}")
    PASSKEY_SUSPENDED = (
        "passkey_suspended",
        _("The passkey “{name}” of {subject} was suspended: it may have been copied"),
    )

    # People and companies
    USER_CREATED = "user_created", _("{actor} created the user {subject}")
    USER_CHANGED = "user_changed", _("{actor} changed the profile of {subject}")
    ADDRESS_ENTERED = (
        "address_entered",
        _("{actor} entered the e-mail address {name} for {subject}: it counts once its link is opened"),
    )
    ADDRESS_WITHDRAWN = (
        "address_withdrawn",
        _("{actor} withdrew the e-mail address {name}, not confirmed yet, of {subject}"),
    )
    USER_DEACTIVATED = "user_deactivated", _("{actor} deactivated {subject}")
    USER_ACTIVATED = "user_activated", _("{actor} activated {subject} again")
    USER_UNLOCKED = "user_unlocked", _("{actor} lifted the wait after wrong passwords and codes for {subject}")
    USER_INVITED = "user_invited", _("{actor} invited {subject}")
    INVITATION_WITHDRAWN = "invitation_withdrawn", _("{actor} withdrew the invitation of {subject}")
    PASSWORD_RESET_REQUESTED = "password_reset_requested", _("A link to reset the password of {subject} was asked for")
    PASSWORD_CHANGED = "password_changed", _("{subject} chose a new password")
    REPORTED_NOT_ME = (
        "reported_not_me",
        _("{subject} said “This wasn’t me” of “{name}”: the account was locked and all sessions ended"),
    )
    USER_LOCKED = "user_locked", _("{actor} locked the account of {subject}: all sessions were ended")
    USER_LET_IN = "user_let_in", _("{actor} let {subject} in again after a lock: “{reason}”")
    SESSIONS_ENDED = "sessions_ended", _("{actor} ended all sessions of {subject}")
    SESSION_ENDED = "session_ended", _("{subject} signed out {name}")
    OTHER_SESSIONS_ENDED = "other_sessions_ended", _("{subject} signed out everywhere else")
    COMPANY_CREATED = "company_created", _("{actor} created the company {company}")
    COMPANY_CHANGED = "company_changed", _("{actor} changed the company {company}")
    COMPANY_TWO_FACTOR_ENABLED = (
        "company_two_factor_enabled",
        _("{actor} switched two-factor authentication on for {company}"),
    )
    COMPANY_TWO_FACTOR_DISABLED = (
        "company_two_factor_disabled",
        _("{actor} switched two-factor authentication off for {company}"),
    )
    COMPANY_SESSIONS_ENDED = "company_sessions_ended", _("{actor} ended all sessions of the users of {company}")
