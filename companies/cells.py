"""Cells of a file that spreadsheets open: none of them begins a formula, wherever the spreadsheet splits. Pure.

The file has commas or semicolons, but a spreadsheet may split it at the other. Quotes do not help there: they count only where they begin a
cell, and what stands between `"a","x` and `=1+1;y"` is then a separator like any other. So an apostrophe stands before
what would begin a formula, at the beginning of a cell and behind every character that may end one.
"""

from __future__ import annotations

import re

BLANK = r"""(?:[^\S\t\r\n]|["'])*+"""  # spaces, and the quotes that a spreadsheet takes away
BEGINS = rf"(?:\A|(?<=[,;\t\r\n])){BLANK}"
# OWASP, "CSV Injection", and ASVS 1.2.10. Those of full width begin one where they are typed, in Japan and China.
FORMULA = r"[=+\-@\t\r\0＝＋－＠]"
WOULD_BE_ONE = re.compile(rf"{BEGINS}(?={FORMULA})")
IS_NONE = re.compile(rf"({BEGINS})(?<=')(?={FORMULA})")


def harmless(text: str) -> str:
    """`text` as it is written into a file."""
    return WOULD_BE_ONE.sub(r"\g<0>'", text)


def as_meant(text: str) -> str:
    """The text that was written as this."""
    return IS_NONE.sub(lambda found: found[1][:-1], text)
