"""Finding people by words: parts of names, addresses and companies' names, accents and case apart.

A word of three letters or more is found anywhere; of two, where a word begins; of one, where the name begins. Among a
million people a frequent word has more hits than anybody reads: then those whose name begins with the words come
first, some others follow, and the page asks for another word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from django.db.models import Q
from django.db.models.expressions import Value
from django.db.models.functions import StrIndex

from accounts.domains import shown_if_one
from accounts.text import fold, plain
from companies.models import Company, Listing

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

MOST_WORDS = 8
MOST_HITS = 1000
LOOKED_THROUGH = 20_000  # so many people are looked at one by one sooner than by the index
MOST_NAMED = 200  # companies that a word finds, before they are left to the database
LAST_LETTER = "\U0010ffff"


class Hit(NamedTuple):
    """Somebody whom a search found."""

    id: int
    person: UUID
    company_name: str | None
    required: bool | None
    kind: int
    name: str
    last_sign_in_at: datetime | None


FIELDS = ("id", "person", "company__name_folded", "company__two_factor_enabled", "kind", "name",
          "last_sign_in_at")  # fmt: skip


@dataclass(frozen=True)
class Hits:
    """Whom a search found: all of them, or where `more` there are, some."""

    people: list[Hit]
    more: bool


def words_in(text: str) -> list[str]:
    """The words to look for."""
    words = (plain(shown_if_one(word)) for word in fold(text.replace("\x00", "")).split())
    return [word for word in words if word][:MOST_WORDS]


def search(among: QuerySet[Listing], words: list[str], *, few: bool) -> Hits:
    """Those `among` a listing in whom all of `words` occur; `few` says that they are few enough to be looked through."""
    rows = matching(among, words, few=few).order_by("id").values_list(*FIELDS)
    found = [Hit(*row) for row in rows[: MOST_HITS + 1]]
    return Hits(found, more=len(found) > MOST_HITS)


def matching(among: QuerySet[Listing], words: list[str], *, few: bool = False) -> QuerySet[Listing]:
    """All of them, however many, in no order."""
    if few:
        among = among.alias(**{f"word{n}": StrIndex("text", Value(_term(word))) for n, word in enumerate(words)})
    for condition in _conditions(words, few=few):
        among = among.filter(condition)
    return among


def beginning_with(among: QuerySet[Listing], words: list[str]) -> list[Hit]:
    """Those whose name begins with `words`, by name."""
    beginning = " " + " ".join(words)
    begin = among.filter(name__gte=beginning, name__lt=beginning + LAST_LETTER)
    return [Hit(*row) for row in begin.order_by("name", "id").values_list(*FIELDS)[:MOST_HITS]]


def _term(word: str) -> str:
    """What stands in the text where `word` is found."""
    return word if len(word) > 2 else f" {word}"


def _conditions(words: list[str], *, few: bool) -> list[Q]:
    """Of each word, where it may occur: in the person's text, or in their company's name."""
    named = Q()
    for word in words:
        named |= Q(name_plain__contains=word)
    companies = list(Company.objects.filter(named).values_list("pk", "name_plain")) if words else []
    conditions = []
    for number, word in enumerate(words):
        if few:
            condition = Q(**{f"word{number}__gt": 0}) if len(word) > 1 else Q(**{f"word{number}": 1})
        elif len(word) > 1:
            condition = Q(text__holds=_term(word))
        else:
            condition = Q(name__gte=f" {word}", name__lt=f" {word}{LAST_LETTER}")
        theirs = [pk for pk, name in companies if (len(word) > 2 and word in name) or f" {word}" in f" {name}"]
        if len(theirs) > MOST_NAMED:
            condition |= Q(company__in=Company.objects.filter(name_plain__contains=word))
        elif theirs:
            condition |= Q(company__in=theirs)
        conditions.append(condition)
    return conditions
