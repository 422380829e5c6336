"""New recovery codes. They wait in the session, sealed, until their owner says that they are saved.

Those that come with a new app count already (`unsaved`). Those that are to replace others count from when they are saved,
and the earlier ones until then (`next`): whoever leaves the page has lost nothing.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from dataclasses import asdict, dataclass
from secrets import token_urlsafe
from typing import TYPE_CHECKING

from accounts.sealing import Purpose, Unreadable, seal, unseal
from mfa.methods.recovery_codes.codes import digest, draw, read
from mfa.models import RecoveryCode

if TYPE_CHECKING:
    from django.contrib.sessions.backends.base import SessionBase

    from accounts.models import User

UNSAVED_CODES = "unsaved_codes"
NEXT_CODES = "next_codes"


def keep_unsaved(session: SessionBase, person: User, codes: list[str]) -> None:
    """Let `codes`, which count already, wait until their owner has saved them."""
    session[UNSAVED_CODES] = b64encode(seal(json.dumps(codes).encode(), person.pk, Purpose.UNSAVED_CODES)).decode()


def unsaved(session: SessionBase, person: User) -> list[str]:
    """The codes that wait to be saved, none where none do. Raises Unreadable where the key that sealed them is gone."""
    sealed = session.get(UNSAVED_CODES)
    if not sealed or not person.authenticator_apps.exists():
        return []
    codes: list[str] = json.loads(unseal(b64decode(sealed), person.pk, Purpose.UNSAVED_CODES))
    return codes


@dataclass(frozen=True)
class NextCodes:
    """Ten codes on their way to a safe place. `id` tells them from those that another tab shows."""

    id: str
    sealed: str


def keep_next(session: SessionBase, person: User) -> None:
    """Let ten new codes wait in the session, in place of any that waited there to replace the earlier ones."""
    sealed = seal(json.dumps(draw()).encode(), person.pk, Purpose.NEXT_CODES)
    session[NEXT_CODES] = asdict(NextCodes(token_urlsafe(8), b64encode(sealed).decode()))


def next_codes(session: SessionBase, person: User) -> tuple[str, list[str]]:
    """The id of the codes that wait, and they; none where none do, or where their key is gone."""
    kept = session.get(NEXT_CODES)
    if kept and person.authenticator_apps.filter(confirmed=True).exists():
        waiting = NextCodes(**kept)
        try:
            return waiting.id, json.loads(unseal(b64decode(waiting.sealed), person.pk, Purpose.NEXT_CODES))
        except Unreadable:  # nothing is lost: the earlier codes hold
            pass
    return "", []


def enrol(person: User, codes: list[str]) -> None:
    """Make `codes` the codes of `person`; all earlier ones are void.

    Kept is their SHA-256, sealed with a key from outside the database: a dump of it is nothing to try codes against.
    """
    RecoveryCode.objects.filter(user=person).delete()
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=person, sealed_digest=seal(digest(read(code)), person.pk, Purpose.RECOVERY_CODE))
        for code in codes
    )
