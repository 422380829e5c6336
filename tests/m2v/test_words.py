"""The words on pages and in mails, wherever they are written."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.rooms import ROOMS

HERE = Path(__file__).parents[2]
STRAIGHT = re.compile(r"\w'(?:s|t|re|ve|ll|d|m)\b", re.IGNORECASE)
SAYS = {"_", "_now", "_lazy", "gettext", "gettext_lazy", "ngettext", "pgettext"}
TEMPLATES = sorted(path for path in (HERE / "templates").rglob("*") if path.suffix in {".html", ".txt"})
MODULES = sorted(path for room in ROOMS for path in (HERE / room).rglob("*.py") if "migrations" not in path.parts)
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


# Sentences in JavaScript, of which most are the page's own; and words that nobody says on the phone.
SCRIPTS = sorted((HERE / "m2v" / "static" / "m2v").glob("*.js"))
QUOTED = re.compile(r'"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`|^\s*//.*$', re.MULTILINE)
UNSAID = re.compile(
    r"\bSomebody\b|\bsomebody (?:else|knows|learns)\b|\bWhoever\b|\bnone of your\b|\bLook (?:again|into)\b"
    r"|\bsigns? anybody in\b|\bown switch|\bIt was you\?|\bnot you\?|\bnot yours to do\b|\bsigned in to with\b|\bleft: signs\b"
    r"|\bholds no\b|\ball that a login\b|\b(?:login|it) asks\.|\bTo the sign-in\b|\bhave already first\b|>\W*this e-mail\b"
)


def in_script(text: str) -> list[str]:
    """The strings of a script."""
    return [found for found in QUOTED.findall(text) if not found.lstrip().startswith("//")]


def test_scripts_have_typographic_apostrophes_too():
    assert len([said for script in SCRIPTS for said in in_script(script.read_text())]) > 100
    assert in_script("""// it's\nsay("it's");""") == ['"it\'s"']
    assert [said for script in SCRIPTS for said in in_script(script.read_text()) if STRAIGHT.search(said)] == []


def test_sentences_are_what_people_say():
    in_templates = [COMMENTS.sub("", template.read_text()) for template in TEMPLATES]
    in_code = [text for module in MODULES for text in sentences(module)]
    said = [*in_templates, *in_code, *(each for script in SCRIPTS for each in in_script(script.read_text()))]

    assert [found[0] for text in said for found in UNSAID.finditer(text)] == []
