"""What helps where a code proved nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from audit.methods import Entry
from mfa.methods.totp.codes import ClockOff, NoApp, UsedCode

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from mfa.methods.errors import NotProved

ENTRY = Entry(_("a code"), "device-phone-mobile", guessed=True, beyond_password=True)


def why_not(trouble: NotProved) -> _StrOrPromise:
    """The sentence for a code that did not count."""
    if isinstance(trouble, ClockOff):
        minutes = abs(trouble.minutes)
        if trouble.minutes > 0:
            return ngettext(
                "Your phone’s clock is fast by about %d minute. Set it to automatic, then enter the next code.",
                "Your phone’s clock is fast by about %d minutes. Set it to automatic, then enter the next code.",
                minutes,
            ) % (minutes,)
        return ngettext(
            "Your phone’s clock is slow by about %d minute. Set it to automatic, then enter the next code.",
            "Your phone’s clock is slow by about %d minutes. Set it to automatic, then enter the next code.",
            minutes,
        ) % (minutes,)
    if isinstance(trouble, NoApp):
        return _("Your authenticator app takes no codes at the moment. Use another way to prove that it is you.")
    if isinstance(trouble, UsedCode):
        return _("This code was used already. Wait for the next one in your app.")
    return _(
        "This code is not right. Wait for the next one in your app. "
        "If it keeps failing, set your phone’s clock to automatic."
    )
