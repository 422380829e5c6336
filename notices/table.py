"""Mails that tell people what happened to their account, each derived from a line of the audit.

The table below says which lines are told, to whom and in which words. Every way to an act leads through
`audit.recording.record`, and so to the same mail, once the act is committed (ASVS 6.3.5 and 6.3.7, NIST SP 800-63B-4
section 4.6). A mail holds no secret but its "This wasn't me" link.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from audit.vocabulary import Action
from notices import asked as ask
from notices import recipients as to
from notices.conditions import (
    failed_beyond_the_password,
    few_codes_left,
    not_told_later,
    others,
    others_told_now,
    others_who_can_sign_in,
    removed,
    somebody_helps,
    told_to_administrators,
)
from notices.notice import Notice

NOTICES: dict[Action, tuple[Notice, ...]] = {
    Action.SIGNED_IN: (
        Notice(
            _("New sign-in to your account"),
            _("Someone signed in to your account with {method}, in a browser that had not been used for it before."),
            when=lambda event: event.details.get("new_browser") is True,
        ),
    ),
    Action.REFUSED: (
        Notice(
            _("Three failed attempts at your second factor"),
            _(
                "A code, recovery code or passkey was wrong three times in a row: at a login, after your password, or "
                "in a browser in which you are signed in. None of them worked. If it was not you, "
                "someone knows your password, or is using a browser of yours."
            ),
            to=to.the_person_at_the_third_failure,
            when=failed_beyond_the_password,
        ),
    ),
    Action.TWO_FACTOR_ENABLED: (
        Notice(
            _("Two-factor authentication is required for your account"),
            _("{actor} switched two-factor authentication on for you. {asked}"),
            when=others_who_can_sign_in,
            reportable=False,
            own_page="own_two_factor",
            next_login=ask.two_factor_or_nothing,
        ),
    ),
    Action.TWO_FACTOR_DISABLED: (
        Notice(
            _("Two-factor authentication was removed from your account"),
            _(
                "Your authenticator app and your recovery codes were removed: "
                "nobody can sign in with them any more, and no code is asked for after the password. {asked}"
            ),
            when=removed,
            next_login=ask.for_two_factor,
        ),
    ),
    Action.APP_SET_UP: (
        Notice(
            _("Two-factor authentication was set up for your account"),
            _("An authenticator app was set up, and recovery codes were made; earlier ones no longer work."),
        ),
    ),
    Action.APP_DISABLED: (
        Notice(
            _("Your authenticator app is locked"),
            _(
                "A hundred wrong codes in a row were entered, each after your password. Nobody can sign in with your "
                "authenticator app any more: sign in with a passkey or a recovery code, then set it up anew. "
                "If it was not you, someone knows your password."
            ),
            own_page="own_two_factor",
        ),
    ),
    Action.RECOVERY_CODES_DISABLED: (
        Notice(
            _("Your recovery codes are void"),
            _(
                "A hundred wrong recovery codes in a row were entered, each after your password. Your recovery codes "
                "no longer work: make new ones. If it was not you, someone knows your password."
            ),
            own_page="own_mfa:window",
        ),
    ),
    Action.RECOVERY_CODES_MADE: (
        Notice(
            _("New recovery codes were made"),
            _("Ten new recovery codes were made. Earlier ones no longer work."),
            when=lambda event: not event.details.get("with_app"),
        ),
    ),
    Action.RECOVERY_CODE_USED: (
        Notice(
            _("A recovery code was used"),
            _("One of your recovery codes was used in place of your authenticator app. Recovery codes left: {left}."),
            when=lambda event: not few_codes_left(event),
        ),
        Notice(
            _("A recovery code was used: make new ones"),
            _(
                "One of your recovery codes was used in place of your authenticator app. Recovery codes left: {left}. "
                "Make new ones now, under User settings, Multi-factor authentication."
            ),
            when=few_codes_left,
            own_page="own_mfa:window",
        ),
    ),
    Action.ACCESS_PASS_MADE: (
        Notice(
            _("An access pass was made for your account"),
            _(
                "{actor} made an access pass for you: once, with your password, it lets you set up an authenticator app, "
                "until {until}. Your administrator gives it to you, never by mail. The reason on record is “{reason}”; who asked "
                "was checked: {checked}. If you did not ask for it, someone is about to get into your account."
            ),
        ),
    ),
    Action.ACCESS_PASS_USED: (
        Notice(
            _("The access pass for your account was used"),
            _(
                "Your password and your access pass were entered, and an authenticator app is about to be set up. "
                "The pass does not work again."
            ),
        ),
    ),
    Action.ACCESS_PASS_DISABLED: (
        Notice(
            _("Your access pass is void"),
            _(
                "A hundred wrong access passes in a row were entered, each after your password. Yours no longer works: "
                "ask your administrator for a new one. If it was not you, someone knows your password."
            ),
        ),
    ),
    Action.PASSKEY_REQUESTED: (
        Notice(
            _("You are asked to create a passkey"),
            _("{actor} asks you to create a passkey. {asked}"),
            when=others,
            reportable=False,
            own_page="own_passkey_new",
            next_login=ask.then_passkey,
        ),
    ),
    Action.USER_REMINDED: (
        Notice(
            _("A reminder: set up two-factor authentication"),
            _(
                "{actor} reminds you of what your next login asks for. {asked} You can do it now, too: sign in as usual."
            ),
            when=ask.asks_for_set_up,
            reportable=False,
            own_page="own_two_factor",
        ),
        Notice(
            _("A reminder: create a passkey"),
            _(
                "{actor} reminds you of what your next login asks for. {asked} You can do it now, too: sign in as usual."
            ),
            when=ask.asks_for_passkey_alone,
            reportable=False,
            own_page="own_passkey_new",
        ),
    ),
    Action.PASSKEY_CREATED: (
        Notice(
            _("A passkey was added to your account"),
            _(
                "The passkey “{name}” was created. With it, anybody who holds the device can sign in as you, without a password."
            ),
        ),
    ),
    Action.PASSKEY_DELETED: (
        Notice(
            _("A passkey was removed from your account"),
            _("The passkey “{name}” was deleted: nobody can sign in with it any more."),
        ),
    ),
    Action.PASSKEY_SUSPENDED: (
        Notice(
            _("A passkey of your account was suspended"),
            _(
                "The passkey “{name}” was used in a way that says it may have been copied. "
                "Nobody can sign in with it any more. Delete it, and create a new one."
            ),
            own_page="own_mfa:window",
        ),
    ),
    Action.PASSWORD_CHANGED: (
        Notice(
            _("Your password was changed"),
            _("A new password was chosen for your account. All other sessions were ended."),
        ),
    ),
    Action.ADDRESS_ENTERED: (
        Notice(
            _("Another e-mail address was entered for your account"),
            _(
                "A link was sent to that address. Once it is opened and confirmed, mail about your account goes there, "
                "links for a new password too. Until then this address stays in use."
            ),
        ),
    ),
    Action.USER_CHANGED: (
        Notice(
            _("Your e-mail address was changed"),
            _(
                "Another e-mail address was entered for your account, or it was taken away. This mail goes to the new "
                "and to the earlier one, as far as there are both; links for a new password go to the new one only."
            ),
            when=lambda event: "email" in event.details.get("changes", {}),
        ),
        Notice(
            _("Your user name was changed"),
            _("It was {changes[username][0]} and is {changes[username][1]} now: sign in with {changes[username][1]}."),
            when=lambda event: "username" in event.details.get("changes", {}),
        ),
    ),
    Action.COMPANY_TWO_FACTOR_ENABLED: (
        Notice(
            _("Your company requires two-factor authentication"),
            _("{actor} switched two-factor authentication on for {company}. You have not set it up yet. {asked}"),
            to=to.the_companys_people_not_set_up,
            when=not_told_later,
            own_page="own_two_factor",
        ),
    ),
    Action.SITE_RULE_ENABLED: (
        Notice(
            _("The Settings app demands two-factor authentication or a passkey"),
            _(
                "{actor} switched the rule on: everybody who opens the Settings app uses two-factor authentication or "
                "a passkey. Who has neither is asked to set one up at the next login, and first for an access pass where "
                "that is demanded."
            ),
            to=to.the_sites_administrators,
            when=others,
            own_page="settings:home",
        ),
        Notice(
            _("You are asked to set up two-factor authentication"),
            _(
                "Everybody who opens the Settings app uses two-factor authentication or a passkey from now on. You "
                "have neither. {asked}"
            ),
            to=to.whom_the_rule_asks,
            when=others_told_now,
            own_page="own_two_factor",
        ),
    ),
    Action.SITE_RULE_DISABLED: (
        Notice(
            _("The Settings app no longer demands two-factor authentication or a passkey"),
            _(
                "{actor} switched the rule off: whoever opens the Settings app may sign in with a password alone. "
                "What people have set up stays."
            ),
            to=to.the_sites_administrators,
            own_page="settings:home",
        ),
    ),
    Action.REPORTED_NOT_ME: (
        Notice(
            _("Your account is locked"),
            _(
                "“This wasn’t me” was chosen in a mail about your account. All sessions were ended, and nothing opens "
                "the account any more: no password, no code and no passkey. Your administrators know; call them. "
                "They let you in again."
            ),
            when=somebody_helps,
            reportable=False,
        ),
        Notice(
            _("Your account is locked, and no administrator is left"),
            _(
                "“This wasn’t me” was chosen in a mail about your account. All sessions were ended, and nothing opens "
                "the account any more: no password, no code and no passkey. No other administrator can sign in: on the "
                "server, “manage.py createsuperuser” makes one, who can let you in again."
            ),
            when=lambda event: not somebody_helps(event),
            reportable=False,
        ),
        Notice(
            _("A user says “This wasn’t me”: the account is locked"),
            _(
                "{subject} ({username}) says of “{name}”: this wasn’t me. The account is locked: all sessions were "
                "ended, and nothing opens it. Talk to {subject} before you do anything. Then look with them at the "
                "e-mail address, which may have been changed, and at each passkey and authenticator app, and let "
                "{subject} in again."
            ),
            to=to.the_administrators,
            reportable=False,
            page="settings:user_let_in",
        ),
    ),
    Action.USER_RESET: (
        Notice(
            _("What you sign in with was removed"),
            _(
                "{actor} removed from your account: authenticator app: {removed[authenticator_apps]}, recovery codes: "
                "{removed[recovery_codes]}, passkeys: {removed[passkeys]}. The reason on record is “{reason}”; who asked "
                "was checked: {checked}. If you did not ask for it, say so now: for 24 hours it can be put back."
            ),
        ),
    ),
    Action.SESSION_ENDED: (
        Notice(
            _("You were signed out in one place"),
            _("{actor} signed you out of {name}. Everywhere else you stay signed in; there, you can sign in again."),
            when=others,
            reportable=False,
        ),
    ),
    Action.USER_LOCKED: (
        Notice(
            _("Your account is locked"),
            _(
                "An administrator locked your account. All sessions were ended, and nothing opens it any more: no "
                "password, no code and no passkey. Call your administrators, who can let you in again."
            ),
            reportable=False,
        ),
    ),
}

# Beside these: whatever was done on the server’s command line, where nobody signs in, is told to all administrators.
IN_THE_SHELL = Notice(
    _("Something was done on the server’s command line"),
    _(
        "{said}. It was done on the server itself, where nobody signs in to m2v. If none of you did it, an intruder may "
        "be on the server: talk to the people who run it."
    ),
    to=to.the_sites_administrators,
    when=told_to_administrators,
    reportable=False,
)
