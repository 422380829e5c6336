"""The methods in a table: what each is called, its icon, and what a proof by it is worth. It knows no model.

`mfa.apps` hands it down to `audit.methods`: whoever tells of methods (the audit's sentences, mails, "Where you are
signed in") reads it there, and nobody else names a method.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from audit.methods import Entry
from mfa.policy import Method

TABLE: dict[str, Entry] = {
    Method.PASSWORD: Entry(_("a password"), "key", guessed=True, beyond_password=False),
    Method.TOTP: Entry(_("a code"), "device-phone-mobile", guessed=True, beyond_password=True),
    Method.RECOVERY: Entry(_("a recovery code"), "lifebuoy", guessed=True, beyond_password=True),
    Method.PASSKEY: Entry(_("a passkey"), "finger-print", guessed=False, beyond_password=True),
}
