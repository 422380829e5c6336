"""Finding people by words: parts of names, addresses and companies' names, accents and case apart.

A word of three letters or more is found anywhere; of two, where a word begins; of one, where the name begins. Among a
million people a frequent word has more hits than anybody reads: then those whose name begins with the words come
first, some others follow, and the page asks for another word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import CharField, Q
from django.db.models.expressions import Value
from django.db.models.functions import Cast, StrIndex

from accounts.domains import shown_if_one
from accounts.text import fold, plain
from companies.listing.lookups import Among
from companies.models import Company, Listing

if TYPE_CHECKING:
    from django.db.models import QuerySet

MOST_WORDS = 8
MOST_HITS = 1000
# SQLite finds every hit of a word before it takes the first: so it looks among so many people, then so many more, and then
# the rest. A frequent word has hits enough among the first; a rare one is looked for a few times.
RANGES = (8_000, 64_000, 256_000)
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


def search(among: QuerySet[Listing], words: list[str], *, few: bool, after: int = 0) -> Hits:
    """Those `among` a listing in whom all of `words` occur, by their ids, from one on.

    `few` says that they are few enough to be looked through.
    """
    named = _named(words)
    found: list[Hit] = []
    for start, end in [(after, None)] if few else _ranges(after):
        part = among.filter(id__gt=start) if end is None else among.filter(id__gt=start, id__lte=end)
        rows = _all_in(part, words, named, few=few, after=start, until=end).order_by("id").values_list(*FIELDS)
        found += [Hit(*row) for row in rows[: MOST_HITS + 1 - len(found)]]
        if len(found) > MOST_HITS:
            break
    return Hits(found, more=len(found) > MOST_HITS)


def matching(among: QuerySet[Listing], words: list[str], *, few: bool = False) -> QuerySet[Listing]:
    """All of them, however many, in no order."""
    return _all_in(among, words, _named(words), few=few)


def _all_in(
    among: QuerySet[Listing],
    words: list[str],
    named: list[tuple[UUID, str]],
    *,
    few: bool,
    after: int = 0,
    until: int | None = None,
) -> QuerySet[Listing]:
    """Those in whose text, or company's name, all of `words` occur. The ids are what `among` is limited to."""
    if few:
        among = among.alias(**{f"word{n}": StrIndex("text", Value(_term(word))) for n, word in enumerate(words)})
    alone = []  # words that no company's name holds: all are found at once
    for number, word in enumerate(words):
        theirs = _at(named, word)
        if few:
            among = among.filter(_looked_through(number, word) | theirs)
        elif theirs or len(word) == 1:
            among = among.filter(_indexed(word, after, until) | theirs)
        else:
            alone.append(_term(word))
    return among.filter(text__holds=Among(tuple(alone), after, until)) if alone else among


def _ranges(after: int) -> list[tuple[int, int | None]]:
    """The ids among which hits are looked for, one range after the other. PostgreSQL ends of itself where it has enough."""
    if connection.vendor != "sqlite":
        return [(after, None)]
    first = Listing.objects.filter(id__gt=after).order_by("id").values_list("id", flat=True).first()
    if first is None:
        return []
    ends = list(accumulate(RANGES, initial=first - 1))
    return [(after, ends[1]), *pairwise(ends[1:]), (ends[-1], None)]


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


def _indexed(word: str, after: int, until: int | None) -> Q:
    """Those in whose text a word occurs, by an index."""
    if len(word) > 1:
        return Q(text__holds=Among((_term(word),), after, until))
    return Q(name__gte=f" {word}", name__lt=f" {word}{LAST_LETTER}")


def _at(companies: list[tuple[UUID, str]], word: str) -> Q:
    """Those in whose company's name a word occurs."""
    theirs = [pk for pk, name in companies if (len(word) > 2 and word in name) or f" {word}" in f" {name}"]
    if len(theirs) > MOST_NAMED:
        return Q(company__in=Company.objects.filter(name_plain__contains=word))
    return Q(company__in=theirs) if theirs else Q()
