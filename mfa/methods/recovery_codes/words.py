"""What helps where a recovery code proved nothing, and how many are left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from audit.methods import Entry
from mfa.methods import totp
from mfa.methods.totp.codes import NoApp

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

    from accounts.models import User
    from accounts.requests import SiteRequest
    from mfa.methods.errors import NotProved

ENTRY = Entry(_("a recovery code"), "lifebuoy", guessed=True, beyond_password=True)


def why_not(trouble: NotProved) -> _StrOrPromise:
    """The sentence for a recovery code that did not count."""
    if isinstance(trouble, NoApp):
        return totp.why_not(trouble)
    return _("This is not one of your unused recovery codes. Each works once, so try another one.")


def tell_left(request: SiteRequest, person: User) -> None:
    """Say how many recovery codes are left, on the next page that says anything."""
    left = person.recovery_codes.filter(used_at=None).count()
    told = _now("You used your last recovery code.")
    if left:
        told = ngettext("You used a recovery code. %d is left.", "You used a recovery code. %d are left.", left) % left
    messages.warning(request, told, extra_tags="recovery-code")  # beside which the page links to what may come next
