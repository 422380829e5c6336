"""The words on pages and in mails, wherever they are written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[2]
STRAIGHT = re.compile(r"\w'(?:s|t|re|ve|ll|d|m)\b", re.IGNORECASE)
SAYS = {"_", "_now", "_lazy", "gettext", "gettext_lazy", "ngettext", "pgettext"}
TEMPLATES = sorted(path for path in (HERE / "templates").rglob("*") if path.suffix in {".html", ".txt"})
MODULES = sorted(
    path
    for room in ("accounts", "mfa", "companies", "m2v")
    for path in (HERE / room).rglob("*.py")
    if "migrations" not in path.parts
)
COMMENTS = re.compile(r"{% comment %}.*?{% endcomment %}|{#.*?#}", re.DOTALL)


def sentences(module: Path) -> list[str]:
    """What a module hands to gettext."""
    calls = [node for node in ast.walk(ast.parse(module.read_text())) if isinstance(node, ast.Call)]
    said = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in SAYS]
    return [
        word.value
        for call in said
        for word in call.args
        if isinstance(word, ast.Constant) and isinstance(word.value, str)
    ]


def test_there_are_words_to_look_at():
    assert len(TEMPLATES) > 50
    assert sum(len(sentences(module)) for module in MODULES) > 200
    assert len(STRAIGHT.findall("wasn't, Kim's")) == 2
    assert STRAIGHT.findall("wasn’t {% url 'login' %}") == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(HERE)))
def test_a_template_has_typographic_apostrophes(template):
    assert STRAIGHT.findall(COMMENTS.sub("", template.read_text())) == []


def test_sentences_in_code_have_typographic_apostrophes():
    assert [text for module in MODULES for text in sentences(module) if STRAIGHT.search(text)] == []
