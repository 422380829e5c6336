"""A method as somebody may add it: a card with a word of eight letters, for everybody at one address. It touches no other file."""

from __future__ import annotations

import re
from hashlib import sha256

from django.db.models import BooleanField, ExpressionWrapper, Q

from audit.methods import Entry
from audit.vocabulary import Action
from mfa.methods.errors import NotProved

NAME = "word_card"
ENTRY = Entry("a word from a card", "rectangle-stack", guessed=True, beyond_password=True)
HELD = (f"held_{NAME}",)

taken_away: set[object] = set()


class WrongWord(NotProved):
    """It is on no card of theirs."""


def word_of(person) -> str:
    return "".join(chr(ord("a") + byte % 26) for byte in sha256(person.pk.bytes).digest()[:8])


def with_held(rows, to):
    has_card = Q((f"{to}email__endswith", "@cards.example"))
    return rows.annotate(**{HELD[0]: ExpressionWrapper(has_card, output_field=BooleanField())})


def looks_like_one(typed: str) -> bool:
    return re.fullmatch("[a-z]{8}", typed) is not None


def verify(person, held, typed: str) -> None:
    if NAME not in held.others or person.pk in taken_away or typed != word_of(person):
        raise WrongWord


def disable(person):
    taken_away.add(person.pk)
    return Action.PASSKEY_SUSPENDED  # a method of its own has an action of its own


def why_not(trouble: NotProved) -> str:
    return "This word is not on your card."
