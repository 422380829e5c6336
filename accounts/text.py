"""Text as people type it, made comparable; and names as sentences say them."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language, override
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy

from accounts.domains import NoDomain, ascii_domain, shown_domain

if TYPE_CHECKING:
    from django.utils.functional import _StrOrPromise

USERNAME_RULE = _lazy(
    "A user name has letters, digits, dots, hyphens, underscores and plus signs, at least one letter or digit, "
    "and no spaces."
)
# Spaces, and what shows nothing at all: pasting and some keyboards leave it around what was typed.
UNSEEN = (
    r"\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U000e0000-\U000e0fff"
)
# One look from each end. To seek such a run that ends the text takes the square of a long one in the middle of it.
BETWEEN = re.compile(f"[{UNSEEN}]*(.*[^{UNSEEN}])?", re.DOTALL)
UNSEEN_RUN = re.compile(f"[{UNSEEN}]+")
# A space is seen where it is missing; the two joiners belong to words, where a domain may hold them.
HIDDEN = re.compile(rf"(?![\u200c\u200d ])[{UNSEEN}]")
# A mail program makes a link of what looks like an address: "https:", "kim@acme", "acme.example", "www".
LIKE_A_HOST = r"\bwww\b|\S[.\u3002\uff0e\uff61](?=[^\W\d_]{2})|\d\.\d"
ADDRESS = re.compile(rf"[:/\\@]|{LIKE_A_HOST}", re.IGNORECASE)
# Of no single slash, and no colon before a space: "Ticket: INC/2026/17" is no link, and stays.
NEVER_ALONE = r":(?=\S)|/{2,}|[\\@]"
LINKED = re.compile(rf"{NEVER_ALONE}|{LIKE_A_HOST}", re.IGNORECASE)
AT = str.maketrans("\uff20\ufe6b", "@@")  # as Asian keyboards write it
JOINERS = "\u200c\u200d"
MOST_DIGITS = 4
# Letters that Unicode does not take apart, as people write them on a keyboard that has none of them.
STROKES = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"})
LONGEST_SPOKEN = 60
# Characters. Nothing longer has the name of anything here, and is left as it is: to put accents in their order takes the
# square of how many follow each other (tens of seconds for a form of 256 kB).
LONGEST_FOLDED = 1000
CAPITAL_NOUNS = {"de"}  # languages in which a noun inside a sentence keeps its capital


def trim(text: str) -> str:
    """`text` without spaces and invisible characters around it; empty if there is nothing else."""
    found = BETWEEN.match(text)
    return (found and found[1]) or ""


def composed(text: str) -> str:
    """`text` in NFC. What is longer than LONGEST_FOLDED stays as it is."""
    return unicodedata.normalize("NFC", text) if len(text) <= LONGEST_FOLDED else text


def inside(text: str) -> str:
    """A name of something, such as a label, as it is written inside a sentence."""
    return text if (get_language() or "").partition("-")[0] in CAPITAL_NOUNS else text.lower()


def quoted(words: str) -> str:
    """`words` between the quotation marks of whoever reads them."""
    return _("“{words}”").format(words=words)


def in_all_languages(text: _StrOrPromise) -> set[str]:
    """What a lazily translated `text` is in each language that the site speaks."""
    said = set()
    for language, _name in settings.LANGUAGES:
        with override(language):
            said.add(str(text))
    return said


def check_username(name: str) -> None:
    """Raise ValidationError with the rule unless `name`, in NFC, follows it.

    Without "@", a user name is never mistaken for an e-mail address. Marks
    belong to the letter before them: many scripts cannot be written without.
    Some letters and marks show nothing: with one, two names would look alike.
    """
    kinds = [unicodedata.category(letter)[0] for letter in name]
    fine = all(kind in "LN" or letter in ".+-_" or kind == "M" for letter, kind in zip(name, kinds, strict=True))
    if not kinds or not fine or kinds[0] == "M" or not any(kind in "LN" for kind in kinds) or UNSEEN_RUN.search(name):
        raise ValidationError(USERNAME_RULE, code="username")


def check_person_name(name: str) -> None:
    """Raise ValidationError if `name` would read as an address or a telephone number in mails."""
    if ADDRESS.search(name):
        raise ValidationError(
            _("A name cannot contain an address. Leave out “:”, “/” and “@”, and put a space after a dot."),
            code="address",
        )
    if sum(letter.isdigit() for letter in name) > MOST_DIGITS:
        raise ValidationError(_("A name cannot contain a number of more than four digits."), code="digits")


def clean_address(address: str) -> str:
    """The e-mail address in the form that we store, as people read it. Raises ValidationError with the reason.

    What is longer than LONGEST_FOLDED stays as it is.
    """
    address = trim(address)
    if len(address) > LONGEST_FOLDED:
        return address
    local, at, domain = address.translate(AT).rpartition("@")
    if HIDDEN.search(local + domain):
        raise ValidationError(
            _("The address contains an invisible character. Type it again instead of pasting it."), code="hidden"
        )
    try:
        return unicodedata.normalize("NFKC", local) + at + shown_domain(domain)
    except NoDomain as trouble:
        text = _("No mail can be sent to “{domain}”, the part after the “@”: {why}.")
        raise ValidationError(text.format(domain=domain, why=trouble), code="domain") from trouble


def spoken(name: str) -> str:
    """`name` for use in mails: short, and the rest as `unlinked`."""
    name = unlinked(name)
    return name if len(name) <= LONGEST_SPOKEN else f"{name[:LONGEST_SPOKEN]}…"


def unlinked(words: str) -> str:
    """`words` for use in mails: on one line, and with nothing that a mail program would turn into a link."""
    words = trim(UNSEEN_RUN.sub(_in_mails, words))
    if LINKED.search(words):
        return " ".join(re.sub(rf"{NEVER_ALONE}|[.\u3002\uff0e\uff61]", " ", words).split())
    return words


def _in_mails(hidden: re.Match[str]) -> str:
    """What stands in a mail for an invisible character: a space, unless it joins two letters of a word."""
    name, start, end = hidden.string, hidden.start(), hidden.end()
    around = [unicodedata.category(each)[0] for each in name[max(start - 1, 0) : start] + name[end : end + 1]]
    joins = hidden[0] in JOINERS and len(around) == 2 and set(around) <= {"L", "M"}
    return hidden[0] if joins else " "


def fold(text: str) -> str:
    """`text` without differences of case, Unicode form and outer space: two spellings of one name fold to the same.

    NFKC before and after the case folding, which can undo the first
    (Unicode 16, section 3.13.5, "NFKC_Casefold" without its removals).
    What is longer than LONGEST_FOLDED stays as it is, and is like nothing else.
    """
    text = trim(text)
    if len(text) > LONGEST_FOLDED:
        return text
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def fold_address(text: str) -> str:
    """The same for an e-mail address, whose domain has one form: A-labels. What has no "@" is folded as it is."""
    text = trim(text)
    if len(text) > LONGEST_FOLDED:
        return text
    local, at, domain = text.translate(AT).rpartition("@")
    if at:
        try:
            return fold(local) + at + ascii_domain(trim(unicodedata.normalize("NFKC", domain)))
        except NoDomain:
            pass
    return fold(text)


def plain(text: str) -> str:
    """`text` folded and without accents: "Ünsal" and "unsal", "Sørensen" and "sorensen" are one word."""
    text = trim(text)
    if len(text) > LONGEST_FOLDED:
        return text
    apart = unicodedata.normalize("NFKD", fold(text)).translate(STROKES)
    return "".join(letter for letter in apart if not unicodedata.combining(letter))


class FoldedField(models.TextField):  # type: ignore[type-arg]  # not subscriptable when it runs
    """A column that holds the folded text of other fields, a line each, at every save.

    The database compares and searches it: SQLite folds ASCII letters only.
    """

    def __init__(self, *sources: str, **options: object) -> None:
        self.sources = sources
        super().__init__(**{"editable": False, "default": "", **options})  # type: ignore[arg-type]  # of many kinds

    def deconstruct(self) -> tuple[str, str, list[object], dict[str, object]]:
        name, path, _sources, options = super().deconstruct()
        return name, path, list(self.sources), options

    folding = staticmethod(fold)

    def pre_save(self, instance: models.Model, add: bool) -> str:  # noqa: FBT001  # Django's signature
        folded = "\n".join(filter(None, (self.folding(getattr(instance, source) or "") for source in self.sources)))
        setattr(instance, self.attname, folded)
        return folded


class FoldedAddressField(FoldedField):
    """The same for an e-mail address."""

    folding = staticmethod(fold_address)


class PlainField(FoldedField):
    """The same without accents, for searching."""

    folding = staticmethod(plain)
