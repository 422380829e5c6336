"""What goes into a passkey's ceremony and what comes out of it, in our own words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from uuid import UUID


class Refused(Exception):
    """The browser's answer does not hold. The reason is for the audit; people are told one thing for all."""


class RefusedForGood(Refused):
    """The signature is right, and the passkey is never taken again: its owner deletes it and makes it anew."""


class CounterFell(RefusedForGood):
    """Its counter did not grow: a copy of the passkey may be in use (§7.2 step 22)."""


@dataclass(frozen=True)
class Ceremony:
    """One question to a browser. Kept in the session, taken out of it before it is answered, good for five minutes.

    `person` is the id of the one it was asked of, or "" where nobody is named yet.
    """

    challenge: str
    person: str
    at: float

    type: ClassVar[str] = ""

    def kept(self) -> dict[str, Any]:
        """As the session keeps it."""
        return asdict(self)


class Registration(Ceremony):
    """A question for a new passkey (WebAuthn §7.1)."""

    type = "webauthn.create"


class Authentication(Ceremony):
    """A question for proof with an existing passkey (WebAuthn §7.2)."""

    type = "webauthn.get"


@dataclass(frozen=True)
class NewPasskey:
    """What a registration made, verified."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    aaguid: UUID
    transports: list[str]
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Use:
    """What a use of a passkey told, verified."""

    sign_count: int
    backed_up: bool
