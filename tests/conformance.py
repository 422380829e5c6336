"""Which test shows which row of a standard: docs/conformance.md, as the tests' own marks say it.

A test says `@pytest.mark.row("ASVS-6.2.4", "B-12")`; `python -m tests.conformance` writes its name into the document.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path

TESTS = Path(__file__).resolve().parent
DOCUMENT = TESTS.parent / "docs" / "conformance.md"


@dataclass(frozen=True)
class Row:
    """A line of the document's tables."""

    id: str
    asked: str
    level: str
    tests: str
    remark: str

    def __str__(self) -> str:
        cells = (self.id, self.asked, self.level, self.tests, self.remark)
        return "".join(f"| {cell} " if cell else "| " for cell in cells) + "|"


def row_of(line: str) -> Row | None:
    """The row that a line of the document is, if it is one."""
    cells = [cell.strip() for cell in line.split("|")[1:-1]]
    if len(cells) != 5 or cells[0] in {"id", "---"}:
        return None
    return Row(*cells)


def rows(document: str) -> list[Row]:
    """Every row of the document, in its order."""
    return [row for line in document.splitlines() if (row := row_of(line))]


@cache
def marked() -> dict[str, list[str]]:
    """The tests of each row: by name, and by file and name where one name is in two files."""
    files: dict[str, set[str]] = defaultdict(set)
    marks: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                file = path.relative_to(TESTS.parent).as_posix()
                files[node.name].add(file)
                for row in rows_of(node):
                    marks[row].append((file, node.name))
    return {
        row: [name if len(files[name]) == 1 else f"{file}::{name}" for file, name in found]
        for row, found in marks.items()
    }


def rows_of(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """What stands in the marks of one test, and in those of its parameters."""
    calls = [node for decorator in test.decorator_list for node in ast.walk(decorator) if isinstance(node, ast.Call)]
    return [ast.literal_eval(row) for call in calls if ast.unparse(call.func) == "pytest.mark.row" for row in call.args]


def filled(document: str) -> str:
    """The document with the tests that its rows have now."""
    found = marked()
    lines = [
        str(Row(row.id, row.asked, row.level, ", ".join(f"`{test}`" for test in found.get(row.id, [])), row.remark))
        if (row := row_of(line))
        else line
        for line in document.split("\n")
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    DOCUMENT.write_text(filled(DOCUMENT.read_text()))
