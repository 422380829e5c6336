"""Lines of the audit as people read them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from audit.browsers import browser_name
from audit.methods import in_words
from audit.vocabulary import Action

if TYPE_CHECKING:
    from audit.models import AuditEvent


# What people do to themselves reads differently from what is done to them.
OWN_ACTS = {
    Action.TWO_FACTOR_ENABLED: gettext_lazy("{actor} switched two-factor authentication on"),
    Action.TWO_FACTOR_DISABLED: gettext_lazy("{actor} switched two-factor authentication off"),
    Action.PASSKEY_REQUESTED: gettext_lazy("{actor} asked to be reminded of a passkey"),
    Action.PASSKEY_REQUEST_DELETED: gettext_lazy("{actor} deleted the passkey request"),
    Action.PASSKEY_DELETED: gettext_lazy("{actor} deleted the passkey “{name}”"),
    Action.USER_CHANGED: gettext_lazy("{actor} changed their profile"),
    Action.ADDRESS_ENTERED: gettext_lazy(
        "{actor} entered the e-mail address {name}: it counts once its link is opened"
    ),
    Action.ADDRESS_WITHDRAWN: gettext_lazy("{actor} withdrew the e-mail address {name}, not confirmed yet"),
    Action.SESSIONS_ENDED: gettext_lazy("{actor} ended all their sessions"),
}

# So does what an administrator starts for somebody who could have asked for it themselves,
DONE_FOR_OTHERS = {
    Action.PASSWORD_RESET_REQUESTED: gettext_lazy("{actor} sent {subject} a link to choose another password"),
}

# what is done on the command line, or refused, where nobody is signed in,
BY_NOBODY = {
    Action.PASSWORD_CHANGED: gettext_lazy("Another password was set for {subject} on the command line"),
    Action.USER_CREATED: gettext_lazy("The user {subject} was created on the command line"),
    Action.ACCESS_REFUSED: gettext_lazy("A page was refused to someone who was not signed in"),
    Action.FORM_REFUSED: gettext_lazy("A form was refused: it came from another page or session"),
    Action.FIELDS_IGNORED: gettext_lazy("A form had fields that were not to be set with it: they were ignored"),
}

# and what was tried for no user whom there is.
ABOUT_NOBODY = {
    Action.REFUSED: gettext_lazy("A sign-in with {method} was refused: there is no such user"),
}


def sentence(event: AuditEvent) -> str:
    """`event` as people read it, without time and place. Needs actor, subject and company loaded."""
    form, words = form_and_words(event)
    return form.format_map(words)


def form_and_words(event: AuditEvent) -> tuple[str, dict[str, str]]:
    """The form of `event`'s sentence, and what stands in it."""
    details = {key: str(value) for key, value in event.details.items()}
    return _form(event), {
        "name": "",
        "before": "",
        **details,
        "method": in_words(event.details.get("methods", [])),
        "actor": event.actor.get_full_name() if event.actor else _("m2v"),
        "subject": event.subject.get_full_name() if event.subject else details.get("username") or _("an unknown user"),
        "company": event.company.name if event.company else "",
    }


def _form(event: AuditEvent) -> str:
    """What `event` says, by who did it."""
    action = Action(event.action)
    if event.subject_id is None and "username" not in event.details and action in ABOUT_NOBODY:
        special = ABOUT_NOBODY
    elif event.actor_id is None:
        special = BY_NOBODY
    else:
        special = OWN_ACTS if event.actor_id == event.subject_id else DONE_FOR_OTHERS
    return str(special.get(action, action.label))


def place(event: AuditEvent) -> str:
    """The browser an act came from: "Firefox on Linux"."""
    return browser_name(event.browser) if event.browser else ""


def sign_in(event: AuditEvent) -> str:
    """How and with what browser somebody signed in or was refused, as their own list says it."""
    methods = in_words(event.details.get("methods", []))
    if event.action != Action.REFUSED:
        form = _("{place}, with {methods}")
    elif event.details.get("reason") == "Throttled":
        form = _("{place}, refused: too many attempts")
    else:
        form = _("{place}, refused: {methods} not right")
    return form.format(place=place(event) or _("Unknown browser"), methods=methods)
