"""Which test belongs to which row, by its name; run as a program, it enters new ones into docs/conformance.md.

`python -m tests.security.fill` after writing tests of a row: `test_asvs_6_2_4_…`, `test_b_12_…`, `test_wr_07_v03_…`.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
DOCUMENT = TESTS.parent / "docs" / "conformance.md"
WCAG = "WCAG 2.2"
PENDING = "PENDING"
FOLDERS = ("security", "fuzz")
LEADING = re.compile(r"(?:`[^`]+`(?:, )?)*")


def where_tests_are(*folders: str) -> dict[str, list[str]]:
    """The files of each test, by its name."""
    found: dict[str, list[str]] = {}
    for path in sorted(path for folder in folders for path in (TESTS / folder).rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.setdefault(node.name, []).append(path.relative_to(TESTS.parent).as_posix())
    return found


def slugs(row: str, section: str) -> list[str]:
    """How a test's name says a row: "6.2.4" is asvs_6_2_4, "14.1.1, 14.1.2" is either, "1.2.1-1.2.4" any of four."""
    if re.match(r"V\d", row):
        return [f"v{int(row[1:]):02}", f"v{row[1:]}"]
    if not row[0].isdigit():
        slug = re.sub(r"\W+", "_", row).strip("_").lower()
        return [slug, re.sub(r"^b_(\d)", r"b\1", slug)]
    kind = "wcag" if section == WCAG else "asvs"
    parts = []
    for part in re.sub(r" ▲$", "", row).split(", "):
        first, _, last = part.partition("-")
        if re.fullmatch(r"[\d.]+", last):
            chapter, _, number = first.rpartition(".")
            parts += [f"{chapter}.{n}" for n in range(int(number), int(last.rpartition(".")[2]) + 1)]
        else:
            parts.append(part)
    spelled = [re.sub(r"\W+", "_", part) for part in parts]
    spelled += [slug.removesuffix("_x") for slug in spelled if slug.endswith("_x")]
    return [f"{word}_{slug}" for slug in spelled for word in (kind, "and") if kind == "asvs" or word == kind]


def spelled_out(name: str) -> str:
    """A test's name, with "dj_01_to_07" written as each of the seven."""

    def each(span: re.Match[str]) -> str:
        kind, first, last = span.groups()
        return "_".join(f"{kind}_{number:02}" for number in range(int(first), int(last) + 1))

    return re.sub(r"\b(\w+?)_(\d\d)_to_(\d\d)(?=_)", each, name.removeprefix("test_"))


def belongs(name: str, row: str, section: str) -> bool:
    """Does the test say this row in its name?"""
    return any(f"_{slug}_" in f"_{spelled_out(name)}_" for slug in slugs(row, section))


def filled(document: str, tests: list[str]) -> str:
    """The document with every one of `tests` in its rows."""
    lines, section = document.split("\n"), ""
    rows = []
    for number, line in enumerate(lines):
        section = line.removeprefix("## ") if line.startswith("## ") else section
        cells = line[2:-2].split(" | ")
        if line.startswith("| ") and cells[0] not in {"id", "---"}:
            rows.append((number, cells, section, line))
    for number, cells, within, line in rows:
        own = [name for name in tests if belongs(name, cells[0], within)]
        cells[3] = _with(cells[3], [name for name in own if f"`{name}`" not in line])
        lines[number] = f"| {' | '.join(cells)} |"
    return "\n".join(lines)


def _with(cell: str, names: list[str]) -> str:
    """The last cell of a row with more tests, which stand before its words."""
    if not names:
        return cell
    entered = ", ".join(f"`{name}`" for name in names)
    if cell == PENDING:
        return entered
    leading = LEADING.match(cell)
    there = leading[0] if leading else ""
    return f"{there}, {entered}{cell[len(there) :]}" if there else f"{entered}. {cell}"


if __name__ == "__main__":
    text = DOCUMENT.read_text()
    DOCUMENT.write_text(filled(text, list(where_tests_are(*FOLDERS))))
