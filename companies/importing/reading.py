"""A file as spreadsheets write it, made into lines: which characters, which separator, which column is what. Pure."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from dataclasses import dataclass, field
from functools import cache
from io import StringIO

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.text import in_all_languages, quoted
from companies.cells import as_meant

MOST_IN_A_FILE = 10_000
LONGEST_CELL = 1000  # of what is shown; nothing that we keep is as long
FILE_COLUMNS = ("username", "first_name", "last_name", "email", "company", "role", "language")
HEADINGS = {
    "username": gettext_lazy("user name"),
    "first_name": gettext_lazy("first name"),
    "last_name": gettext_lazy("last name"),
    "email": gettext_lazy("e-mail"),
    "company": gettext_lazy("company"),
    "role": gettext_lazy("role"),
    "language": gettext_lazy("language"),
}
# As headings are written, without spaces, hyphens and underscores.
MEANT = {
    "username": "username", "user": "username", "login": "username",
    "firstname": "first_name", "givenname": "first_name",
    "lastname": "last_name", "surname": "last_name", "familyname": "last_name",
    "email": "email", "mail": "email", "emailaddress": "email",
    "company": "company", "role": "role", "language": "language",
}  # fmt: skip
SEPARATORS = {",": gettext_lazy("commas"), ";": gettext_lazy("semicolons"), "\t": gettext_lazy("tabs")}
# What Excel reads, and writes on request, before all else.
SAYS_SEPARATOR = re.compile(r"\ufeff?sep=([,;\t])[\r\n]", re.IGNORECASE)
FIRST_LINE = re.compile(r"[\r\n]")
BETWEEN_WORDS = re.compile(r"[\s_\-\u2010-\u2015\ufeff]+")  # every dash that a word processor makes of a hyphen
WORKBOOK = b"PK\x03\x04"


@cache
def meant() -> dict[str, str]:
    """Which column each heading means: those above, and what the columns are called in every language of the site."""
    called = {_squeezed(name): column for column, said in HEADINGS.items() for name in in_all_languages(said)}
    return called | MEANT


class NotRead(Exception):
    """The file is not one that can be read. The text says what to do."""


@dataclass(frozen=True)
class FileLine:
    """A line of the file, by its number there: what stands in each column, and whether there were too many cells."""

    number: int
    cells: dict[str, str]
    too_many: int = 0


@dataclass(frozen=True)
class Table:
    """The file, read."""

    lines: list[FileLine]
    encoding: str
    separator: str
    unread: list[str] = field(default_factory=list)  # headings that mean nothing here

    @property
    def separated_by(self) -> str:
        return str(SEPARATORS[self.separator])


def decoded(content: bytes) -> tuple[str, str]:
    """The text, and the name of its encoding. Raises NotRead."""
    if not content.strip():
        raise NotRead(_("The file is empty. Choose the one with the people in it."))
    if content.startswith(WORKBOOK):
        raise NotRead(_("This is a workbook, not a CSV file. In your spreadsheet choose “Save as”, “CSV UTF-8”."))
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):  # as Excel writes “Unicode Text”
        try:
            return content.decode("utf-16"), "UTF-16"
        except UnicodeDecodeError as trouble:
            raise NotRead(
                _("The file begins as UTF-16 and does not go on so: a part of it is missing. Save it as “CSV UTF-8”.")
            ) from trouble
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        pass
    try:
        return content.decode("cp1252"), "Windows-1252"
    except UnicodeDecodeError as trouble:
        raise NotRead(
            _("The file is neither UTF-8 nor Windows-1252: its letters cannot be read. Save it as “CSV UTF-8”.")
        ) from trouble


def read(text: str, encoding: str) -> Table:
    """The lines of `text` under its headings. Raises NotRead."""
    if "\x00" in text:
        raise NotRead(
            _("This is not a CSV file: it contains characters that text does not have. Save it as “CSV UTF-8”.")
        )
    said = SAYS_SEPARATOR.match(text)
    separator = said[1] if said else _separator(FIRST_LINE.split(text.lstrip(), maxsplit=1)[0])
    # Strict: else all that follows a quotation mark that is not closed would be one cell, and nobody would miss the people.
    reader = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    columns: list[str | None] = []
    unread: list[str] = []
    lines: list[FileLine] = []
    number = 1
    try:
        for cells in reader:
            if said and number == 1:
                pass
            elif any(cell.strip() for cell in cells):
                if not columns:
                    columns, unread = _columns(cells)
                else:
                    lines.append(_line(number, columns, cells))
            number = reader.line_num + 1
    except csv.Error as trouble:
        why = _("From line {number} on the file cannot be read: a quotation mark is not closed.")
        if str(trouble).startswith("'"):  # which character it expected after which
            why = _(
                "Line {number} cannot be read: something stands behind a closing quotation mark. Within a cell, write the "
                "mark twice."
            )
        raise NotRead(why.format(number=number)) from trouble
    if not lines:
        raise NotRead(_("Below the headings there is no line with a person."))
    if len(lines) > MOST_IN_A_FILE:
        text = _("The file has {number} people, and {most} is the most at a time. Divide it.")
        raise NotRead(text.format(number=len(lines), most=MOST_IN_A_FILE))
    return Table(lines, encoding, separator, unread)


def _separator(first_line: str) -> str:
    """What stands between the headings."""
    return max(SEPARATORS, key=first_line.count)


def _squeezed(heading: str) -> str:
    return BETWEEN_WORDS.sub("", heading).casefold()


def _columns(cells: list[str]) -> tuple[list[str | None], list[str]]:
    """What each column is, None where it is nothing; and the headings of those. Raises NotRead."""
    columns = [meant().get(_squeezed(cell)) for cell in cells]
    twice = next((one for one in columns if one and columns.count(one) > 1), None)
    if twice:
        raise NotRead(_("Two columns are called “{heading}”. Leave one.").format(heading=HEADINGS[twice]))
    if "username" not in columns:
        text = _("The first line has no heading “user name”. It reads: {found}. It needs headings such as: {needed}.")
        found = ", ".join(quoted(cell.strip()[:40]) for cell in cells[:8])
        raise NotRead(text.format(found=found, needed=", ".join(str(HEADINGS[one]) for one in FILE_COLUMNS)))
    return columns, [cell.strip() for cell, one in zip(cells, columns, strict=True) if one is None and cell.strip()]


def _line(number: int, columns: list[str | None], cells: list[str]) -> FileLine:
    found = {
        column: as_meant(cell.strip())[:LONGEST_CELL] for column, cell in zip(columns, cells, strict=False) if column
    }
    beyond = [cell for cell in cells[len(columns) :] if cell.strip()]
    return FileLine(number, found, too_many=len(cells) if beyond else 0)
