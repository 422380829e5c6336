"""What makes a password hard to guess: not stolen before, no pattern, nothing that everybody knows of the person.

Rules of NIST SP 800-63B-4 section 3.1.1.2 and ASVS 6.2, named in
settings.AUTH_PASSWORD_VALIDATORS. No kind of character is demanded, and no
password runs out.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import prod
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from zxcvbn import zxcvbn
from zxcvbn.frequency_lists import FREQUENCY_LISTS
from zxcvbn.matching import L33T_TABLE

from accounts.passwords import BESIDE_A_FACTOR, LONGEST
from accounts.text import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from accounts.models import User

FEWEST_GUESSES = 10**8
ESTIMATED = 32  # characters that are estimated: the estimate is slow on long passwords
WAYS = 4  # in which signs are read as letters at most: zxcvbn tries them all, seconds of them
PRODUCT = "m2v"
ANYWHERE = 4  # letters of a word that is refused inside another word too
ACROSS = 8  # letters of a word that is refused with spaces and dots in it too
LETTERS_OF: dict[str, list[str]] = {}  # what a sign can be read as: "4" as "a"
for _letter, _signs in L33T_TABLE.items():
    for _sign in _signs:
        LETTERS_OF.setdefault(_sign, []).append(_letter)
_estimating = Lock()  # zxcvbn keeps the words of one estimate in a module


class Breached:
    """Not one that was stolen elsewhere and published, and none that is guessed as quickly."""

    def validate(self, password: str, user: User | None = None) -> None:
        if _is_published(password):
            text = _(
                "This password is too common: it is on lists of stolen passwords, which attackers try first. "
                "Choose another."
            )
            raise ValidationError(text, code="password_too_common")
        if len(password) >= BESIDE_A_FACTOR and _guesses(password, user) < FEWEST_GUESSES:
            text = _(
                "This password is easy to guess: it is made of a common password, a repetition, a row of keys or a date. "
                "Choose another, for example a few words that do not belong together."
            )
            raise ValidationError(text, code="password_easy_to_guess")

    def get_help_text(self, user: User | None = None) -> str:
        return _("Not a password that was stolen elsewhere, or one that is as easy to guess.")


class Context:
    """Nothing that everybody knows: the product, the site, the person's names and address, their company (ASVS 6.2.11)."""

    def validate(self, password: str, user: User | None = None) -> None:
        typed = plain(password[:LONGEST])
        for word, what in _known_of(user):
            if _is_in(word, typed):
                text = _(
                    "This password has “{word}” in it, which is {what}. Anyone who knows you would try that first."
                )
                raise ValidationError(text.format(word=word, what=what), code="password_has_a_known_word")

    def get_help_text(self, user: User | None = None) -> str:
        return _("Not your name, your address, your company or “{product}”.").format(product=PRODUCT)


@cache
def _published() -> frozenset[str]:
    """Django's list, and that of zxcvbn: some 40,000 passwords in small letters."""
    return frozenset(CommonPasswordValidator().passwords) | frozenset(FREQUENCY_LISTS["passwords"])


def _is_published(password: str) -> bool:
    return password.lower().strip() in _published()


def _guesses(password: str, person: User | None) -> float:
    """How many guesses somebody needs who knows passwords, words, keyboards and this person."""
    known = [word for word, _what in _known_of(person)]
    with _estimating:
        return float(zxcvbn(_estimated(password), user_inputs=known, max_length=ESTIMATED)["guesses"])


def _estimated(password: str) -> str:
    """What of `password` is looked at: its beginning, without signs that could be read in too many ways."""
    beginning = password[:ESTIMATED]
    signs = list(dict.fromkeys(sign for sign in beginning if sign in LETTERS_OF))
    while _ways(signs) > WAYS:
        signs.pop()
    return "".join(sign if sign not in LETTERS_OF or sign in signs else "·" for sign in beginning)


def _ways(signs: list[str]) -> int:
    """In how many ways these can stand for letters, at most."""
    number = Counter(letter for sign in signs for letter in LETTERS_OF[sign])
    return prod(number.values())


def _known_of(person: User | None) -> Iterator[tuple[str, str]]:
    """The words that `person` must not use, as they are compared, each with what it is."""
    host = urlsplit(settings.BASE_URL).hostname or ""
    sources = [(PRODUCT, _("the product’s name")), (host, _("the site’s address"))]
    if person:
        sources += [
            (person.username, _("your user name")),
            (person.email.partition("@")[0], _("your e-mail address")),
            (f"{person.first_name} {person.last_name}", _("your name")),
            (person.company.name if person.company else "", _("your company’s name")),
        ]
    for text, what in sources:
        whole = plain(text)
        parts = re.findall(r"[^\W_]+", whole)
        words = parts[:-1] if text == host and len(parts) > 1 else parts  # ".com" is nobody's
        for word in dict.fromkeys(["".join(parts), *words]):
            if len(word) >= len(PRODUCT):
                yield word, what


def _is_in(word: str, typed: str) -> bool:
    """Is `word` in the password, or the password in the word? Short words count where they stand alone."""
    together = "".join(re.findall(r"[^\W_]+", typed))
    if len(together) >= ANYWHERE and together in word:
        return True
    if word == PRODUCT or len(word) >= ANYWHERE:
        return word in typed or (len(word) >= ACROSS and word in together)
    return re.search(rf"(?<![^\W\d_]){re.escape(word)}(?![^\W\d_])", typed) is not None
