"""The tables of docs/, for tests that hold the site to them."""

from __future__ import annotations

from pathlib import Path

DOCS = Path(__file__).resolve().parents[1] / "docs"
ACCESS = DOCS / "access.md"


def table(heading: str, document: Path = ACCESS, *, part: int = 1) -> list[list[str]]:
    """The rows of a table under `heading` (the first, unless said otherwise), cell by cell, names without their marks."""
    section = document.read_text().split(f" {heading}\n", 1)[1].split("\n## ")[0]
    tables = [lines for lines in section.split("\n\n") if lines.lstrip("\n").startswith("| ")]
    rows = [line.strip("|").split("|") for line in tables[part - 1].strip("\n").splitlines()]
    return [[cell.strip().strip("`") for cell in row] for row in rows[2:]]


def decision(number: int) -> str:
    """The text of a decision of docs/decisions/."""
    [path] = (DOCS / "decisions").glob(f"{number:04}-*.md")
    return path.read_text()
