"""Do the other machines of the site use the keys that this one does? For the start, and for `manage.py doctor`.

Keys of MFA_ENCRYPTION_KEYS are held against what is sealed with them (mfa.rotation) and against those of the other machines
(accounts.keys_in_use), and stop the start: nobody could use their app. What is found here is said, and the site serves: docs/decisions/0045-machines-that-sign-differently.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.keys_in_use import other_audit_keys
from accounts.signing_keys import not_accepted_here
from audit.sealing.checkpoints import Tampered, newest_checkpoint_of_ours

if TYPE_CHECKING:
    from collections.abc import Iterator


class Difference(NamedTuple):
    """What is not as on another machine, and what to do."""

    said: str
    hint: str
    id: str


def differences() -> Iterator[Difference]:
    """All there are."""
    for key in not_accepted_here():
        said = _("{machine} signs with another SECRET_KEY than this machine, or did at {time}.")
        yield Difference(
            said.format(machine=key.machine, time=f"{timezone.localtime(key.seen_at):%H:%M %Z}"),
            _(
                "People are signed out when they come from one to the other. Set the same SECRET_KEY on both, or list "
                "that one in SECRET_KEY_FALLBACKS here. If you changed it on purpose everywhere, this ends within two hours."
            ),
            "m2v.E015",
        )
    try:
        newest_checkpoint_of_ours()
    except Tampered as trouble:
        yield Difference(
            str(trouble),
            _(
                "Is AUDIT_SIGNING_KEY that of the other machines? If it was changed, list the public half of the one before "
                "in AUDIT_PUBLIC_KEYS. This machine seals nothing until then."
            ),
            "m2v.E016",
        )
        return
    for other in other_audit_keys():
        said = _("{machine} signs the audit with another AUDIT_SIGNING_KEY than this machine, or did at {time}.")
        hint = _("Set the same AUDIT_SIGNING_KEY on both, or list its public half in AUDIT_PUBLIC_KEYS here: {key}")
        yield Difference(
            said.format(machine=other.machine, time=f"{timezone.localtime(other.seen_at):%H:%M %Z}"),
            hint.format(key=other.fingerprint),
            "m2v.E016",
        )
