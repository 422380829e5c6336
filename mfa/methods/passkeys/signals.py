"""What the owner's browser is told about their passkeys (WebAuthn Level 3, section 5.1.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mfa.methods.passkeys.answers import text_handle, text_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from accounts.models import User
    from mfa.models import Passkey


def signals(owner: User, passkeys: Iterable[Passkey]) -> dict[str, object]:
    """Which passkeys still exist, and under which name."""
    return {
        "userId": text_handle(owner.pk.bytes),
        "allAcceptedCredentialIds": [text_id(key) for key in passkeys if not key.suspended_at],
        "name": owner.username,
        "displayName": owner.get_full_name(),
    }
