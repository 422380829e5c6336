"""Codes as people type and paste them: word processors, notes and PDFs put more into them than was shown."""

from __future__ import annotations

import unicodedata

# Dashes that Unicode does not call dashes: hyphen bullet, superscript and subscript minus, minus sign, modifier letter
# minus, a line of boxes, heavy minus, and the long-vowel marks that a Japanese keyboard has in the hyphen's place.
MORE_DASHES = frozenset("\u2043\u207b\u208b\u2212\u02d7\u2500\u2796\u30fc\uff70")
# What fonts draw as nothing, beside the format characters: fillers, variation selectors, a blank Braille cell.
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\uffa0") | frozenset(
    map(chr, range(0xFE00, 0xFE10))
)
FULL_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)}


def as_meant(typed: str) -> str:
    """`typed` without dashes, spaces and whatever does not show, full-width letters and digits as ordinary ones.

    Digits of other scripts stay what they are: they are in no code.
    """
    return "".join(letter for letter in typed.translate(FULL_WIDTH) if not _is_between(letter))


def _is_between(letter: str) -> bool:
    """Does `letter` stand between the characters of a code, and mean nothing?"""
    return (
        letter.isspace()
        or letter in MORE_DASHES
        or letter in BLANK
        or unicodedata.category(letter) in {"Pd", "Cf", "Zs", "Zl", "Zp"}
    )
