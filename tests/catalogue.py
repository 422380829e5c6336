"""The catalogues of translations: `python -m tests.catalogue` brings each of them up to date, and compiles it.

What is marked in modules and templates is found here rather than by GNU gettext's programs, which a machine may lack;
a compiled catalogue lies beside its source, so that a clone speaks every language from the start.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages import Catalog
from babel.messages.extract import extract_python
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from tests.rooms import ROOMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages import Message

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "locale"
# How modules name gettext, gettext_lazy and ngettext, and what templates become.
ONE = ("_", "_now", "_later", "_lazy", "gettext", "gettext_lazy", "gettext_noop", "in_the_shells_words")
KEYWORDS = {**dict.fromkeys(ONE), "ngettext": (1, 2), "ngettext_lazy": (1, 2), "pgettext_lazy": ((1, "c"), 2)}
# Without dates and versions: a catalogue in which nothing was changed stays as it is, to the letter.
HEADER = """\
# The sentences of m2v MFA; CONTRIBUTING.md says how they are brought up to date.
msgid ""
msgstr ""
"Language: {language}\\n"
"Plural-Forms: {plurals}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"

"""
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
COMMENT = "Translators:"


def languages() -> list[str]:
    """Those that there is a folder for."""
    return sorted(folder.parent.name for folder in LOCALES.glob("*/LC_MESSAGES"))


def source_of(language: str) -> Path:
    return LOCALES / language / "LC_MESSAGES" / "django.po"


def compiled_of(language: str) -> Path:
    return source_of(language).with_suffix(".mo")


def marked() -> Catalog:
    """Every sentence that the product marks for translation, with the files that say it."""
    found = Catalog()
    for path, code in [*_modules(), *_templates()]:
        place = [(path.relative_to(ROOT).as_posix(), 0)]
        for _line, function, message, comments in extract_python(BytesIO(code.encode()), KEYWORDS, [COMMENT], {}):
            strings = message if isinstance(message, tuple) else (message,)
            context, strings = (strings[0], strings[1:]) if function.startswith("pgettext") else (None, strings)
            words = strings[:2] if function.startswith("ngettext") else strings[0]
            found.add(words, locations=place, auto_comments=comments, context=context)
    return found


def _modules() -> Iterator[tuple[Path, str]]:
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path, path.read_text()


def _templates() -> Iterator[tuple[Path, str]]:
    for path in sorted((ROOT / "templates").rglob("*.*")):
        # What is no sentence has become letters X; its indentation means nothing.
        code = re.sub(r"\bX+\b", " ", templatize(path.read_text(), origin=str(path)))
        yield path, "\n".join(line.strip() for line in code.splitlines())


def read(language: str) -> Catalog:
    with source_of(language).open("rb") as file:
        return read_po(file, locale=language)


def brought_up_to_date(language: str) -> bytes:
    """The catalogue of `language` with what is marked now: what is new is empty, what nobody says any more is gone."""
    known, new = read(language), Catalog(language)
    for message in marked():
        if message.id:
            there = known.get(message.id, message.context)
            string = there.string if there and there.pluralizable == message.pluralizable else None
            new.add(message.id, string, message.locations, auto_comments=message.auto_comments, context=message.context)
    file = BytesIO()
    write_po(file, new, width=120, sort_by_file=True, include_lineno=False, omit_header=True)
    return HEADER.format(language=language, plurals=new.plural_forms).encode() + file.getvalue()


def compiled(language: str) -> bytes:
    file, catalogue = BytesIO(), read(language)
    catalogue.creation_date = catalogue.revision_date = LONG_AGO
    write_mo(file, catalogue)
    return file.getvalue()


def main() -> None:
    for language in languages():
        source_of(language).write_bytes(brought_up_to_date(language))
        compiled_of(language).write_bytes(compiled(language))
        missing = [message for message in read(language) if message.id and not all(strings_of(message))]
        print(f"{language}: {len(read(language))} sentences, {len(missing)} to translate")


def strings_of(message: Message) -> tuple[str, ...]:
    """What a sentence is in the language: one, or one for each of its numbers."""
    return tuple(message.string) if isinstance(message.string, list | tuple) else (str(message.string),)


if __name__ == "__main__":
    main()
