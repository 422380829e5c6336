"""What goes into a passkey's ceremony and what comes out of it, in our own words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from time import time
from typing import TYPE_CHECKING, Any, ClassVar

from django.conf import settings

from accounts.clock import is_ahead
from mfa.methods.errors import NotProved

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

CEREMONY_SECONDS = 300


class Refused(NotProved):
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


def answered[Kind: Ceremony](ceremonies: Sequence[Kind], person: str, said: dict[str, Any]) -> Kind:
    """The question of `ceremonies` that a browser which `said` this was answering. Raises Refused.

    It was asked of this person, lately, and answered on our own page (WebAuthn sections 7.1, steps 7 to 11, and 7.2,
    steps 10 to 14). What else the browser says (`tokenBinding`, members of the future) is ignored (section 5.8.1).
    """
    ceremony = next((each for each in ceremonies if each.challenge == said.get("challenge")), None)
    if ceremony is None:
        raise Refused("The challenge is another one.")
    if time() - ceremony.at > CEREMONY_SECONDS or is_ahead(ceremony.at):
        raise Refused("The question is older than five minutes.")
    if ceremony.person != person:
        raise Refused("The question was asked of somebody else.")
    if said.get("type") != ceremony.type:
        raise Refused("The answer is to another kind of question.")
    if said.get("origin") != settings.PASSKEY_ORIGIN:
        raise Refused("The answer was given on another site.")
    across = said.get("crossOrigin")
    if not (across is None or across is False) or said.get("topOrigin") is not None:
        raise Refused("The answer was given within another site's page.")
    return ceremony


def reason_of(trouble: Exception) -> str:
    """What went wrong, for the audit: one line of printable ASCII, whatever the browser put into it."""
    return f"{type(trouble).__name__}: {str(trouble)[:150]!a}"
