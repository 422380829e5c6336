"""No cell of a file begins a formula, wherever a spreadsheet splits it, and an import reads what was meant."""

from __future__ import annotations

import csv
from io import StringIO
from itertools import product

import pytest

from companies.cells import as_meant, harmless
from companies.exports import as_csv

ODD = ";,\t\r\n\"' =a"
TEXTS = ["".join(odd) for length in range(5) for odd in product(ODD, repeat=length)]


def begins_formula(cell):
    return cell.lstrip(' \t\r\n"').startswith(("=", "+", "-", "@"))


@pytest.mark.row("ASVS-1.2.10")
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_NONE])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_no_cell_begins_a_formula_wherever_a_spreadsheet_splits(separator, quoting):
    for text in TEXTS:
        file = "".join(as_csv(["=a", text], [[text, "b"], ["-c", text], [text, text]]))
        rows = csv.reader(StringIO(file, newline=""), delimiter=separator, quoting=quoting)
        assert not [cell for row in rows for cell in row if begins_formula(cell)], repr(text)


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠"])  # of full width
def test_whatever_may_begin_a_formula_has_an_apostrophe(begins):
    assert harmless(f"{begins}1;{begins}2") == f"'{begins}1;'{begins}2"


def test_an_import_reads_what_was_meant():
    assert [text for text in TEXTS if as_meant(harmless(text)) != text] == []


@pytest.mark.parametrize(
    "text", ["Müller; Anna", "a=b", "Jean-Luc, Anne-Marie", "kim@acme.example", "O'Neill", '{"a": ["b", "c"], "d": 1}']
)
def test_what_is_no_formula_stays_as_it_is(text):
    assert harmless(text) == text
