"""docs/conformance.md says the truth: each row of tests/security/rows.txt is in it once, and each test it names is there."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.security.fill import DOCUMENT, FOLDERS, PENDING, WCAG, filled, slugs, where_tests_are

ROWS = (Path(__file__).resolve().parent / "security" / "rows.txt").read_text().split("\n")[:-1]
REASONS = ("Not applicable: ", "Not met: ", "Beyond the target: ")


@dataclass(frozen=True)
class Row:
    """A line of the document's tables."""

    id: str
    asked: str
    level: str
    shown: str

    @property
    def tests(self) -> list[str]:
        return re.findall(r"`(?:[\w/]+\.py::)?(test_\w+)`", self.shown)


def rows() -> list[Row]:
    """Every row of the document, in its order. Rows of two standards with one number are told apart by their section."""
    found, section = [], ""
    for line in DOCUMENT.read_text().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        cells = line[2:-2].split(" | ")
        if line.startswith("| ") and cells[0] not in {"id", "---"}:
            name, asked, level, shown = cells
            found.append(Row(f"WCAG {name}" if section == WCAG else name, asked, level, shown))
    return found


def test_every_row_of_the_standards_is_in_the_document_and_none_twice():
    assert [name for name, times in Counter(row.id for row in rows()).items() if times > 1] == []
    assert sorted(row.id for row in rows()) == sorted(ROWS)


def test_every_test_that_the_document_names_is_there_and_is_one():
    known = where_tests_are(".")
    named = {name for row in rows() for name in row.tests}

    assert sorted(named - known.keys()) == []
    assert {name: known[name] for name in named if len(known[name]) > 1} == {}


def test_a_file_that_the_document_names_holds_its_test():
    known = where_tests_are(".")
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", DOCUMENT.read_text())

    assert [(file, name) for file, name in named if file not in known.get(name, [])] == []


def test_every_row_names_a_test_or_a_reason():
    assert [
        row.id for row in rows() if row.shown != PENDING and not row.tests and not row.shown.startswith(REASONS)
    ] == []


def test_every_test_that_says_a_row_is_in_it():
    """Else: python -m tests.security.fill"""
    document = DOCUMENT.read_text()

    assert filled(document, list(where_tests_are(*FOLDERS))) == document


@pytest.mark.parametrize(
    ("row", "section", "said"),
    [
        ("6.2.4", "", ["asvs_6_2_4", "and_6_2_4"]),
        ("6.3.5 ▲", "", ["asvs_6_3_5", "and_6_3_5"]),
        ("6.8.1-6.8.3", "", ["asvs_6_8_1", "and_6_8_1", "asvs_6_8_2", "and_6_8_2", "asvs_6_8_3", "and_6_8_3"]),
        ("1.4.10, 1.4.12", WCAG, ["wcag_1_4_10", "wcag_1_4_12"]),
        ("N-3.2.2-100", "", ["n_3_2_2_100"] * 2),
        ("B-12", "", ["b_12", "b12"]),
        ("V4", "", ["v04", "v4"]),
    ],
)
def test_how_a_name_says_a_row(row, section, said):
    assert slugs(row, section) == said


def test_no_row_is_pending():
    assert [row.id for row in rows() if row.shown == PENDING] == []
