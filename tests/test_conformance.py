"""docs/conformance.md says the truth: each row of tests/rows.txt is in it once, with the tests that are marked with it."""

from __future__ import annotations

from collections import Counter

from tests.conformance import DOCUMENT, TESTS, filled, marked, rows

ROWS = (TESTS / "rows.txt").read_text().split("\n")[:-1]
REASONS = ("Not applicable: ", "Not met: ", "Beyond the target: ")


def test_every_row_of_the_standards_is_in_the_document_and_none_twice():
    ids = [row.id for row in rows(DOCUMENT.read_text())]

    assert [row for row, times in Counter(ids).items() if times > 1] == []
    assert sorted(ids) == sorted(ROWS)


def test_the_document_names_the_tests_that_are_marked():
    """Else: python -m tests.conformance"""
    document = DOCUMENT.read_text()

    assert filled(document) == document


def test_every_mark_is_a_row():
    assert sorted(marked().keys() - set(ROWS)) == []


def test_every_row_has_a_test_or_a_reason():
    assert [row.id for row in rows(DOCUMENT.read_text()) if not row.tests and not row.remark.startswith(REASONS)] == []
