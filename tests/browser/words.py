"""What the words of the screen are in a browser's language, so that a state of a page is reached in each of them.

The catalogue of pages and the tests speak of buttons and sentences in English, with names and numbers filled in.
"""

from __future__ import annotations

import re
from functools import cache

from babel.messages.pofile import read_po

from tests.catalogue import source_of

PLACE = re.compile(r"%\((\w+)\)[sd]|%[sd]|\{(\w*)\}")
TAG = re.compile(r"<[^>]+>")
SOURCE = "en"


@cache
def sentences(language: str) -> tuple[tuple[str, str], ...]:
    """Each sentence of the catalogue, as it reads: the one with most letters of its own first."""
    with source_of(language).open("rb") as file:
        catalogue = read_po(file)
    pairs = [
        (TAG.sub("", each), TAG.sub("", said))
        for message in catalogue
        if message.id
        for each, said in zip(as_forms(message.id), as_forms(message.string), strict=True)
    ]
    return tuple(sorted(pairs, key=lambda pair: -len(PLACE.sub("", pair[0]))))


def as_forms(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def name_of(place: re.Match[str]) -> str:
    return place[1] or place[2] or "it"


@cache
def shape(sentence: str) -> re.Pattern[str]:
    """What `sentence` is with anything filled in."""
    known: set[str] = set()
    parts, end = [], 0
    for place in PLACE.finditer(sentence):
        name = name_of(place)
        parts += [re.escape(sentence[end : place.start()]), f"(?P={name})" if name in known else f"(?P<{name}>.+)"]
        known.add(name)
        end = place.end()
    return re.compile("".join([*parts, re.escape(sentence[end:])]))


def named(words: str, language: str) -> str:
    """`words`, the whole of a name or a sentence, in `language`; what is nobody's sentence is somebody's name."""
    if language == SOURCE:
        return words
    for sentence, said in sentences(language):
        own = len(PLACE.sub("", sentence))
        if own < len(words) / 3:  # "{} of {}" fits anything
            break
        if found := shape(sentence).fullmatch(words):
            return PLACE.sub(lambda place: found[name_of(place)], said)
    return words


def within(words: str, language: str) -> str | re.Pattern[str]:
    """What to look for in a text where English has `words` somewhere."""
    around = [said for sentence, said in sentences(language) if words in sentence] if language != SOURCE else []
    if not around:
        return named(words, language)
    return re.compile("|".join(".*".join(map(re.escape, PLACE.sub("\0", said).split("\0"))) for said in around))
