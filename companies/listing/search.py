"""Finding people by words: parts of names, addresses and companies' names, accents and case apart.

A word of three letters or more is found anywhere; of two, where a word begins; of one, where the name begins. Among a
million people a frequent word has more hits than anybody reads: then those whose name begins with the words come
first, some others follow, and the page asks for another word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import CharField, F, Q
from django.db.models.expressions import Value
from django.db.models.functions import Cast, StrIndex

from accounts.domains import shown_if_one
from accounts.text import fold, plain
from companies.listing.lookups import Among
from companies.models import Company, Listing

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

MOST_WORDS = 8
MOST_HITS = 1000
HITS_TRIED = 20_000  # hits of frequent words, among which there are enough whom a filter leaves
LOOKED_THROUGH = 20_000  # so many people are looked at one by one sooner than by the index
MOST_NAMED = 200  # companies that a word finds, before they are left to the database
LAST_LETTER = "\U0010ffff"


class Hit(NamedTuple):
    """Somebody whom a search found, as the database tells it: what is made of a thousand of them is the time of a search."""

    id: int
    key: str  # a page shows twenty-five of a thousand, and an id takes longer to make of it than to find
    company_name: str | None
    required: bool | None
    kind: int
    name: str
    signed_in: str | None  # sorts as the times do

    @property
    def person(self) -> UUID:
        return UUID(self.key)


FIELDS = ("id", Cast("person", CharField()), "company__name_folded", "company__two_factor_enabled", "kind", "name",
          Cast("last_sign_in_at", CharField()))  # fmt: skip


@dataclass(frozen=True)
class Hits:
    """Whom a search found: all of them, or where `more` there are, some."""

    people: list[Hit]
    more: bool


def words_in(text: str) -> list[str]:
    """The words to look for."""
    words = (plain(shown_if_one(word)) for word in fold(text.replace("\x00", "")).split())
    return [word for word in words if word][:MOST_WORDS]


def search(among: QuerySet[Listing], words: list[str], *, few: bool, whole: bool = False, after: int = 0) -> Hits:
    """Those `among` a listing in whom all of `words` occur, by their ids, from one on.

    `few` says that they are few enough to be looked through, `whole` that `among` are all there are.
    """
    found: list[Hit] = []
    for rows in _tries(among, words, few=few, whole=whole, after=after):
        # Who is few is not to be sought along the ids of all.
        ordered = rows.order_by(F("id") + 0 if few else "id").values_list(*FIELDS)
        found = [Hit(*row) for row in ordered[: MOST_HITS + 1]]
        if len(found) > MOST_HITS:
            break
    return Hits(found, more=len(found) > MOST_HITS)


def matching(among: QuerySet[Listing], words: list[str], *, few: bool = False) -> QuerySet[Listing]:
    """All of them, however many, in no order."""
    rows, alone = _found_otherwise(among, words, few=few, after=0)
    return rows.filter(text__holds=Among(alone)) if alone else rows


def _tries(
    among: QuerySet[Listing], words: list[str], *, few: bool, whole: bool, after: int
) -> Iterator[QuerySet[Listing]]:
    """Those who are found: among the first that the index finds, and among all, should these not be enough."""
    beyond = among.filter(id__gt=after) if after else among
    rows, alone = _found_otherwise(beyond, words, few=few, after=after)
    if not alone:
        yield rows
    elif connection.vendor != "sqlite" or len(alone) < len(words):
        yield rows.filter(text__holds=Among(alone, after))
    elif whole:
        yield rows.filter(text__holds=Among(alone, after, MOST_HITS + 1))
    else:
        first = Listing.objects.filter(text__holds=Among(alone, after, MOST_HITS + 1)).values_list("id", flat=True)
        if len(ids := list(first)) <= MOST_HITS:
            yield rows.filter(id__in=ids)
        else:
            yield rows.filter(text__holds=Among(alone, after, HITS_TRIED))
            yield rows.filter(text__holds=Among(alone, after))


def _found_otherwise(
    among: QuerySet[Listing], words: list[str], *, few: bool, after: int
) -> tuple[QuerySet[Listing], tuple[str, ...]]:
    """Those in whom words occur that the index of parts does not find, or not alone; and the parts that it finds alone."""
    named = _named(words)
    if few:
        among = among.alias(**{f"word{n}": StrIndex("text", Value(_term(word))) for n, word in enumerate(words)})
    alone = []  # no company is called so: all of these are found at once
    for number, word in enumerate(words):
        theirs = _at(named, word)
        if few:
            among = among.filter(_looked_through(number, word) | theirs)
        elif theirs or len(word) == 1:
            among = among.filter(_indexed(word, after) | theirs)
        else:
            alone.append(_term(word))
    return among, tuple(alone)


def beginning_with(among: QuerySet[Listing], words: list[str]) -> list[Hit]:
    """Those whose name begins with `words`, by name."""
    beginning = " " + " ".join(words)
    begin = among.filter(name__gte=beginning, name__lt=beginning + LAST_LETTER)
    return [Hit(*row) for row in begin.order_by("name", "id").values_list(*FIELDS)[:MOST_HITS]]


def _term(word: str) -> str:
    """What stands in the text where `word` is found."""
    return word if len(word) > 2 else f" {word}"


def _named(words: list[str]) -> list[tuple[UUID, str]]:
    """Companies in whose name one of `words` occurs."""
    either = Q()
    for word in words:
        either |= Q(name_plain__contains=word)
    return list(Company.objects.filter(either).values_list("pk", "name_plain")) if words else []


def _looked_through(number: int, word: str) -> Q:
    return Q(**{f"word{number}__gt": 0}) if len(word) > 1 else Q(**{f"word{number}": 1})


def _indexed(word: str, after: int) -> Q:
    """Those in whose text a word occurs, by an index."""
    if len(word) > 1:
        return Q(text__holds=Among((_term(word),), after))
    return Q(name__gte=f" {word}", name__lt=f" {word}{LAST_LETTER}")


def _at(companies: list[tuple[UUID, str]], word: str) -> Q:
    """Those in whose company's name a word occurs."""
    theirs = [pk for pk, name in companies if (len(word) > 2 and word in name) or f" {word}" in f" {name}"]
    if len(theirs) > MOST_NAMED:
        return Q(company__in=Company.objects.filter(name_plain__contains=word))
    return Q(company__in=theirs) if theirs else Q()
