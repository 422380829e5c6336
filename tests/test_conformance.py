"""docs/conformance.md says the truth: every row of tests/security/rows.txt is in it once, and every test it names is there."""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
DOCUMENT = TESTS.parent / "docs" / "conformance.md"
ROWS = (TESTS / "security" / "rows.txt").read_text().split("\n")[:-1]
# Rows of two standards that have the same number are told apart by the section that they stand in.
SAME_NUMBERS = "WCAG 2.2"
REASONS = ("Not applicable: ", "Not met: ", "Not met as a default: ", "Met otherwise: ", "By decision ")


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
    """Every row of the document, in its order."""
    found, section = [], ""
    for line in DOCUMENT.read_text().splitlines():
        section = line.removeprefix("## ") if line.startswith("## ") else section
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| ") and cells[0] not in {"id", "---"}:
            name, asked, level, shown = cells
            found.append(Row(f"WCAG {name}" if section == SAME_NUMBERS else name, asked, level, shown))
    return found


def where_tests_are(*folders: str) -> dict[str, list[str]]:
    """The files of each test, by its name."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for folder in folders for path in (TESTS / folder).rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.setdefault(node.name, []).append(path.relative_to(TESTS.parent).as_posix())
    return found


def test_every_row_of_the_standards_is_in_the_document_and_none_twice():
    assert [name for name, times in Counter(row.id for row in rows()).items() if times > 1] == []
    assert sorted(row.id for row in rows()) == sorted(ROWS)


def test_every_test_that_the_document_names_is_there():
    known = where_tests_are(".")

    assert {row.id: absent for row in rows() if (absent := [name for name in row.tests if name not in known])} == {}


def test_a_name_in_the_document_is_one_test():
    named = {name for row in rows() for name in row.tests}

    assert {name: files for name, files in where_tests_are(".").items() if name in named and len(files) > 1} == {}


def test_a_file_that_the_document_names_holds_its_test():
    known = where_tests_are(".")
    named = re.findall(r"`([\w/]+\.py)::(test_\w+)`", DOCUMENT.read_text())

    assert [(file, name) for file, name in named if file not in known.get(name, [])] == []


def test_every_row_names_a_test_or_a_reason():
    bare = [row.id for row in rows() if row.shown != "PENDING" and not row.tests and not row.shown.startswith(REASONS)]

    assert bare == []


def test_every_test_of_a_row_is_in_the_document():
    """What stands in tests/security is there to be found by its row."""
    named = {name for row in rows() for name in row.tests}

    assert sorted(name for name in where_tests_are("security") if by_row(name) and name not in named) == []


@pytest.mark.xfail(strict=False, reason="Rows of the branches that are not merged yet.")
def test_no_row_is_pending():
    known = where_tests_are("security")

    assert {
        row.id: [name for name in known if name.startswith(prefix(row.id))] for row in rows() if row.shown == "PENDING"
    } == {}


def by_row(name: str) -> bool:
    """Is the test called after a row?"""
    return re.match(r"test_(asvs|n|wr|wa|otp|wcag|cs|dj|h|b|v\d\d)_", name) is not None


def prefix(row: str) -> str:
    """How the tests of a row begin: test_asvs_6_2_4_, test_n_3_2_2_, test_wr_01_, test_v12_."""
    if re.match(r"V\d", row):
        return f"test_v{int(row[1:]):02}_"
    if row.startswith("N-"):
        row = "-".join(row.split("-")[:2])
    name = re.sub(r"\W+", "_", row.split(",")[0]).strip("_").lower()
    return f"test_asvs_{name}_" if row[0].isdigit() else f"test_{name}_"
