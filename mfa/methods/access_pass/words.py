"""What a pass is called, and what helps where one opened nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from audit.methods import Entry
from mfa.methods.access_pass.codes import NoPass

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from mfa.methods.errors import NotProved

# Worth no more than the password anywhere but in the challenge, where `mfa.policy` says what it opens: it confirms nothing.
ENTRY = Entry(_("an access pass"), "ticket", guessed=True, beyond_password=False)


def why_not(trouble: NotProved) -> _StrOrPromise:
    """The sentence for a pass that did not count."""
    if isinstance(trouble, NoPass):
        return _(
            "This access pass is over: it was used, withdrawn, or its time has passed. Ask whoever gave it for a new one."
        )
    return _("This is not your access pass. Check each letter and digit; there is no 0, O, 1, I or L in it.")
