"""What each line of the audit says to people. Rewording it is no migration.

A sentence may name {actor}, {subject}, {company}, {method} and what the line's
details hold.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from django.utils.formats import number_format
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from audit import outcomes
from audit.methods import in_words
from audit.vocabulary import Action

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

    from audit.models import AuditEvent


class Sentence(NamedTuple):
    """What a line says, and what it says instead where one of these holds."""

    said: _StrPromise
    own: _StrPromise | None = None  # people do it to themselves,
    for_others: _StrPromise | None = None  # or to somebody else;
    by_nobody: _StrPromise | None = None  # nobody is signed in, as on the command line;
    about_nobody: _StrPromise | None = None  # there is no such user
    of_company: _StrPromise | None = None  # it is of one company
    of_many: _StrPromise | None = None  # it stands for the lines of an act on many, to which {many_done} leads
    general: _StrPromise | None = None  # of every line of its kind, where `said` without its names is another's too


SENTENCES = {
    # A sign-in, step by step
    Action.PROVED: Sentence(_("{subject} passed a step of the login with {method}")),
    Action.SIGNED_IN: Sentence(_("{subject} signed in with {method}")),
    Action.REFUSED: Sentence(
        _("A sign-in as {subject} with {method} was refused"),
        about_nobody=_("A sign-in with {method} was refused: there is no such user"),
    ),
    Action.SIGNED_OUT: Sentence(_("{subject} signed out")),
    Action.CONFIRMED: Sentence(_("{subject} confirmed who they are with {method}")),
    Action.PASSKEY_POSTPONED: Sentence(_("{subject} chose “Not now” when asked for a passkey")),
    # What was refused
    Action.ACCESS_REFUSED: Sentence(
        _("{actor} was refused a page that they may not see"),
        by_nobody=_("A page was refused to someone who was not signed in"),
    ),
    Action.FORM_REFUSED: Sentence(
        _("A form of {actor} was refused: it came from another page or session"),
        by_nobody=_("A form was refused: it came from another page or session"),
    ),
    Action.FIELDS_IGNORED: Sentence(
        _("{actor} sent fields with a form that are not theirs to set: they were ignored"),
        by_nobody=_("A form had fields that were not to be set with it: they were ignored"),
    ),
    Action.STEP_SKIPPED: Sentence(_("{subject} was refused a page before the login was finished")),
    # Two-factor authentication
    Action.TWO_FACTOR_ENABLED: Sentence(
        _("{actor} switched two-factor authentication on for {subject}"),
        own=_("{actor} switched two-factor authentication on"),
    ),
    Action.TWO_FACTOR_DISABLED: Sentence(
        _("{actor} switched two-factor authentication off for {subject}"),
        own=_("{actor} switched two-factor authentication off"),
    ),
    Action.APP_SET_UP: Sentence(_("{subject} set up an authenticator app")),
    Action.RECOVERY_CODES_MADE: Sentence(_("{subject} made new recovery codes")),
    Action.APP_DISABLED: Sentence(_("The authenticator app of {subject} was disabled after 100 wrong codes")),
    Action.RECOVERY_CODES_DISABLED: Sentence(_("The recovery codes of {subject} became void after 100 wrong ones")),
    Action.RECOVERY_CODE_USED: Sentence(_("{subject} used a recovery code")),
    Action.ACCESS_PASS_MADE: Sentence(
        _("{actor} gave {subject} an access pass, valid until {until}: “{reason}”; who it is was checked: {checked}")
    ),
    Action.ACCESS_PASS_USED: Sentence(_("{subject} used an access pass")),
    Action.ACCESS_PASS_WITHDRAWN: Sentence(_("{actor} withdrew the access pass of {subject}")),
    Action.ACCESS_PASS_DISABLED: Sentence(_("The access pass of {subject} became void after 100 wrong ones")),
    # Passkeys
    Action.PASSKEY_REQUESTED: Sentence(
        _("{actor} asked {subject} for a passkey"), own=_("{actor} asked to be reminded of a passkey")
    ),
    Action.PASSKEY_REQUEST_DELETED: Sentence(
        _("{actor} deleted the passkey request for {subject}"), own=_("{actor} deleted the passkey request")
    ),
    Action.PASSKEY_CREATED: Sentence(_("{subject} created the passkey “{name}”")),
    Action.PASSKEY_REFUSED: Sentence(_("A new passkey of {subject} was refused")),
    Action.PASSKEY_RENAMED: Sentence(_("{subject} renamed the passkey “{before}” to “{name}”")),
    Action.PASSKEY_DELETED: Sentence(
        _("{actor} deleted the passkey “{name}” of {subject}"), own=_("{actor} deleted the passkey “{name}”")
    ),
    Action.PASSKEY_SUSPENDED: Sentence(_("The passkey “{name}” of {subject} was suspended: it may have been copied")),
    # What the whole site demands
    Action.SITE_RULE_ENABLED: Sentence(
        _("{actor} demanded two-factor authentication or a passkey of everybody who opens the Settings app"),
        by_nobody=_(
            "With the first administrator, two-factor authentication or a passkey was demanded of everybody who opens the Settings app"
        ),
    ),
    Action.SITE_RULE_DISABLED: Sentence(
        _("{actor} stopped demanding two-factor authentication or a passkey of everybody who opens the Settings app")
    ),
    # People and companies
    Action.USER_CREATED: Sentence(
        _("{actor} created the user {subject}"), by_nobody=_("The user {subject} was created on the command line")
    ),
    Action.USER_CHANGED: Sentence(
        _("{actor} changed the profile of {subject}"), own=_("{actor} changed their profile")
    ),
    Action.ADDRESS_ENTERED: Sentence(
        _("{actor} entered the e-mail address {name} for {subject}: it counts once its link is opened"),
        own=_("{actor} entered the e-mail address {name}: it counts once its link is opened"),
    ),
    Action.ADDRESS_WITHDRAWN: Sentence(
        _("{actor} withdrew the e-mail address {name}, not confirmed yet, of {subject}"),
        own=_("{actor} withdrew the e-mail address {name}, not confirmed yet"),
    ),
    Action.USER_DEACTIVATED: Sentence(_("{actor} deactivated {subject}")),
    Action.USER_ACTIVATED: Sentence(_("{actor} activated {subject} again")),
    Action.USER_ERASED: Sentence(_("{actor} erased all that was kept of {subject}: a pseudonym stands for the name")),
    Action.USER_UNLOCKED: Sentence(_("{actor} lifted the wait after wrong passwords and codes for {subject}")),
    Action.BUDGET_CLEARED: Sentence(_("{actor} ended the wait of “{name}”")),
    Action.USER_REMINDED: Sentence(_("{actor} reminded {subject} by e-mail of what the next login asks for")),
    Action.USER_INVITED: Sentence(_("{actor} invited {subject}")),
    Action.INVITATION_WITHDRAWN: Sentence(_("{actor} withdrew the invitation of {subject}")),
    Action.PASSWORD_RESET_REQUESTED: Sentence(
        _("A link to reset the password of {subject} was asked for"),
        for_others=_("{actor} sent {subject} a link to choose another password"),
    ),
    Action.PASSWORD_CHANGED: Sentence(
        _("{subject} chose a new password"), by_nobody=_("Another password was set for {subject} on the command line")
    ),
    Action.REPORTED_NOT_ME: Sentence(
        _("{subject} said “This wasn’t me” of “{name}”: the account was locked and all sessions ended")
    ),
    Action.USER_LOCKED: Sentence(_("{actor} locked the account of {subject}: all sessions were ended")),
    Action.USER_LET_IN: Sentence(
        _("{actor} let {subject} in again after a lock: “{reason}”; who it is was checked: {checked}")
    ),
    Action.USER_RESET: Sentence(
        _("{actor} removed {removed} that {subject} lost: “{reason}”; who it is was checked: {checked}")
    ),
    Action.SESSIONS_ENDED: Sentence(
        _("{actor} ended all sessions of {subject}"), own=_("{actor} ended all their sessions")
    ),
    Action.SESSION_ENDED: Sentence(
        _("{subject} signed out {name}"), for_others=_("{actor} signed {subject} out of {name}")
    ),
    Action.OTHER_SESSIONS_ENDED: Sentence(_("{subject} signed out everywhere else")),
    Action.COMPANY_CREATED: Sentence(_("{actor} created the company {company}")),
    Action.COMPANY_CHANGED: Sentence(_("{actor} changed the company {company}")),
    Action.COMPANY_TWO_FACTOR_ENABLED: Sentence(
        _("{actor} switched two-factor authentication on for {company}"),
        general=_("… switched two-factor authentication on for a company"),
    ),
    Action.COMPANY_TWO_FACTOR_DISABLED: Sentence(
        _("{actor} switched two-factor authentication off for {company}"),
        of_many=_("{actor} switched two-factor authentication off for {company}, and {many_done}"),
        general=_("… switched two-factor authentication off for a company"),
    ),
    Action.COMPANY_PASS_DEMANDED: Sentence(_("{actor} demanded an access pass for each first set-up in {company}")),
    Action.COMPANY_PASS_NOT_DEMANDED: Sentence(
        _("{actor} no longer demanded an access pass for first set-ups in {company}")
    ),
    Action.COMPANY_SESSIONS_ENDED: Sentence(_("{actor} ended all sessions of the users of {company}")),
    Action.LIST_EXPORTED: Sentence(
        _("{actor} exported the list “{name}” as a file"),
        of_company=_("{actor} exported the list “{name}” of {company} as a file"),
    ),
    Action.USERS_IMPORTED: Sentence(
        _("{actor} imported users from the file “{name}”"), of_many=_("{actor} {many_done}")
    ),
    Action.MANY_ACTED_ON: Sentence(_("{actor} acted on many users at once"), of_many=_("{actor} {many_done}")),
    Action.WORK_GIVEN_UP: Sentence(
        _("What {actor} had begun in the background was given up: it failed {tries} times in a row")
    ),
    # What was read
    Action.ACTIVITY_EXPORTED: Sentence(_("{actor} exported activity as a file")),
    Action.AUDIT_EXPORTED: Sentence(_("{actor} exported the whole audit, signed")),
    Action.PERSON_EXPORTED: Sentence(_("{actor} exported all that is kept of {subject}")),
}


# How an administrator made sure who somebody is, by the word that is kept.
CHECKED: dict[str, _StrPromise] = {
    "called_back": _("called back on a number we had before"),
    "in_person": _("in person"),
    "video_call": _("video call with an identity document"),
    "vouched_for": _("vouched for by a company administrator"),
    "not_said": _("not said, on the server’s command line"),
}


# What was done to many, by the word that is kept.
DONE_TO_MANY: dict[str, tuple[_StrPromise, _StrPromise]] = {
    "require": (_("required 2FA for {number} user"), _("required 2FA for {number} users")),
    "stop": (_("stopped requiring 2FA of {number} user"), _("stopped requiring 2FA of {number} users")),
    "request": (_("asked {number} user for a passkey"), _("asked {number} users for a passkey")),
    "remind": (_("reminded {number} user by e-mail"), _("reminded {number} users by e-mail")),
    "withdraw": (
        _("deleted the passkey request for {number} user"),
        _("deleted the passkey requests for {number} users"),
    ),
    "sign_out": (_("signed {number} user out everywhere"), _("signed {number} users out everywhere")),
    "deactivate": (_("deactivated {number} user"), _("deactivated {number} users")),
    "switch_off_own": (
        _("switched the personal 2FA switch of {number} user off"),
        _("switched the personal 2FA switches of {number} users off"),
    ),
    "announce": (
        _("told {number} user by e-mail that 2FA is required"),
        _("told {number} users by e-mail that 2FA is required"),
    ),
    "announce_rule": (
        _("told {number} user by e-mail that the Settings app demands two-factor authentication or a passkey"),
        _("told {number} users by e-mail that the Settings app demands two-factor authentication or a passkey"),
    ),
    "import": (
        _("imported {number} user from the file “{name}”"),
        _("imported {number} users from the file “{name}”"),
    ),
    "import_unnamed": (_("imported {number} user"), _("imported {number} users")),  # whose file is not the reader's
    "invite": (_("invited {number} imported user"), _("invited {number} imported users")),
    "release": (_("the personal switch of {number} user"), _("the personal switches of {number} users")),
}


def many_done(event: AuditEvent) -> str:
    """What was done to how many, and by which file."""
    number, act, name = (event.details.get(key, "") for key in ("changed", "act", "name"))
    one, more = DONE_TO_MANY.get("import_unnamed" if act == "import" and not name else act, ("", ""))
    said = {"number": number_format(number or 0, force_grouping=True), "name": name}
    return str(one if number == 1 else more).format(**said)


def checked_how(event: AuditEvent) -> str:
    """How it was checked who the line's subject is."""
    return str(CHECKED.get(event.details.get("checked", ""), ""))


def sentence(event: AuditEvent) -> str:
    """`event` as people read it, without time and place. Needs actor, subject and company loaded."""
    said, words = form_and_words(event)
    return said.format_map(words)


def shell_in_words(event: AuditEvent) -> str:
    """Who did what was done on the command line; nothing of any other line."""
    return _now("Someone on the server") if "shell" in event.details else ""


def in_general(action: Action) -> str:
    """What lines of this kind say, whoever they are about."""
    sentence = SENTENCES[action]
    return str(sentence.general or sentence.said).format_map(defaultdict(lambda: "…"))


def form_and_words(event: AuditEvent) -> tuple[str, dict[str, str]]:
    """The form of `event`'s sentence, and what stands in it."""
    details = {key: str(value) for key, value in event.details.items()}
    if event.action == Action.LIST_EXPORTED:
        details["name"] = _list_in_words(details["name"])
    return form(event), {
        "name": "",
        "before": "",
        "tries": "",
        **details,
        "checked": checked_how(event),
        "removed": outcomes.removed(event),
        "put_back": outcomes.put_back(event),
        "until": outcomes.until(event),
        "many_done": many_done(event),
        "method": in_words(event.details.get("methods", [])),
        "actor": event.actor.get_full_name() if event.actor else shell_in_words(event) or _now("m2v"),
        "subject": event.subject.get_full_name()
        if event.subject
        else details.get("username") or _now("an unknown user"),
        "company": event.company.name if event.company else "",
    }


def _list_in_words(name: str) -> str:
    """What the list that was taken out is called in Administration, and of which day it is, if it is of one."""
    called, comma, day = name.partition(", ")
    return _now(called) + comma + day


def form(event: AuditEvent) -> str:
    """What `event` says, by who did it."""
    said = SENTENCES[Action(event.action)]
    if event.subject_id is None and "username" not in event.details and said.about_nobody:
        special: _StrPromise | None = said.about_nobody
    elif "many" in event.details:
        special = said.of_many
    elif event.company_id and said.of_company:
        special = said.of_company
    elif event.actor_id is None:
        special = said.by_nobody
    else:
        special = said.own if event.actor_id == event.subject_id else said.for_others
    text = str(special or said.said)
    if event.action == Action.USER_LET_IN:
        text += _now("; removed: {removed}") if outcomes.removed(event) else ""
        text += _now("; put back: {put_back}") if outcomes.put_back(event) else ""
    if not event.details.get("reason") or "{reason}" in text:
        return text
    if "checked" in event.details:  # one part of a "Lost phone"
        return text + _now(": “{reason}”; who it is was checked: {checked}")
    # Nothing is changed on the command line without a reason; elsewhere it is a word of ours.
    return text + _now(": “{reason}”") if "shell" in event.details else text
