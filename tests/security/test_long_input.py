"""What is long is refused in the time that it takes to read it: nobody stops the site by a form or an address of spaces.

A pattern whose parts overlap, and putting accents in their order, take the square of a text's length: minutes for the
256 kB of a form, in which a process does nothing else. The texts here are so long that such a test ends by its time limit.
"""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.urls import URLPattern, URLResolver, get_resolver

from accounts import text
from accounts.forms import AddressField, NameOrAddressField, TrimmedField
from companies.forms import CompanyField
from companies.listing.search import words_in
from companies.models import Company
from tests.people import browser
from tests.rooms import ROOMS

pytestmark = pytest.mark.timeout(20)

HERE = Path(__file__).parents[2]
MODULES = sorted(path for room in ROOMS for path in (HERE / room).rglob("*.py") if "migrations" not in path.parts)
LONG = 100_000
MARKS = "a" + "\u0301\u0316" * (LONG // 2)
SPACES = "a" + " " * LONG + "a"
REPEATED = (
    " ", "\t", "\u200b", ":", ".", ",", ";", "/", "-", "_", "@", "<", "<@", "'", "%", "=", "+", "\\", "a", "1", "a.", "1.", "a:",
    ".:", "a@", "www", "U+", "charset ", "address/", "not-me/:", "invitation/a/", "alter ", "a/b",
)  # fmt: skip


# Whoever is sought anywhere in a text, rather than matched from its beginning, is tried at each letter of it.
SEEKING = {"search", "sub", "split", "findall", "finditer"}
SOURCES = "\n".join(module.read_text() for module in MODULES)


def patterns_of(module):
    """Those that a module makes when it is loaded, and those that its functions name; and whether they seek."""
    name = ".".join(module.relative_to(HERE).with_suffix("").parts).removesuffix(".__init__")
    if b"re." not in module.read_bytes():
        return
    for called, each in vars(import_module(name)).items():
        if isinstance(each, re.Pattern):
            yield each, any(f"{called}.{way}(" in SOURCES for way in SEEKING)
    for call in ast.walk(ast.parse(module.read_text())):
        if not isinstance(call, ast.Call) or not call.args or not isinstance(call.func, ast.Attribute):
            continue
        first, way = call.args[0], call.func.attr
        of_re = isinstance(call.func.value, ast.Name) and call.func.value.id == "re" and way != "compile"
        if of_re and isinstance(first, ast.Constant):
            yield re.compile(first.value), way in SEEKING


def addresses(resolver):
    for each in resolver.url_patterns:
        yield each.pattern.regex
        if isinstance(each, URLResolver):
            yield from addresses(each)
        else:
            assert isinstance(each, URLPattern)


PATTERNS = {found for module in MODULES for found in patterns_of(module)}


def attack(pattern, seeks):
    for repeated in REPEATED:
        many = repeated * (LONG // len(repeated))
        for around in (many, f"a{many}a", f"{many}\x00"):
            given = around if isinstance(pattern.pattern, str) else around.encode()
            (pattern.search if seeks else pattern.match)(given)
            pattern.fullmatch(given)


def test_there_are_patterns_to_look_at():
    assert len(PATTERNS) > 25
    assert (text.BETWEEN, False) in PATTERNS
    assert (text.ADDRESS, True) in PATTERNS
    assert len(set(addresses(get_resolver()))) > 80


@pytest.mark.row("B-56")
@pytest.mark.parametrize(("pattern", "seeks"), sorted(PATTERNS, key=str))
def test_no_pattern_takes_the_square_of_a_texts_length(pattern, seeks):
    attack(pattern, seeks)


@pytest.mark.row("B-56")
def test_no_address_does():
    for pattern in set(addresses(get_resolver())):
        for begun in ("address/", "not-me/", "invitation/", "password-reset/a/"):
            for repeated in (":", ".", "-", "/", "a", "a:", ".:", " "):
                pattern.search(f"{begun}{repeated * (LONG // len(repeated))}x")


@pytest.mark.parametrize(
    "typed", [SPACES, MARKS, f"{MARKS}@acme.example", f"kim@{MARKS}"], ids=["spaces", "marks", "local", "domain"]
)
@pytest.mark.parametrize(
    "does", [text.trim, text.composed, text.fold, text.fold_address, text.plain, text.clean_address, words_in]
)
def test_nothing_that_is_done_with_a_text_does(does, typed):
    assert does(typed)


@pytest.mark.parametrize(
    "typed", [SPACES, MARKS, f"{MARKS}@acme.example", f"kim@{MARKS}"], ids=["spaces", "marks", "local", "domain"]
)
@pytest.mark.parametrize("field", [TrimmedField, AddressField, NameOrAddressField])
def test_no_field_does(field, typed):
    with pytest.raises(ValidationError):
        field(max_length=254).clean(typed)


def test_no_company_has_such_a_name(db):
    with pytest.raises(ValidationError):
        CompanyField(Company.objects.all()).clean(MARKS)


@pytest.mark.row("B-56")
@pytest.mark.parametrize("typed", [SPACES, MARKS[: LONG // 3]], ids=["spaces", "marks"])
@pytest.mark.parametrize(("path", "field"), [("/login/", "username"), ("/password-reset/", "email")])
def test_no_form_of_strangers_does(path, field, typed, db):
    answer = browser().post(path, {field: typed, "password": "a walk by the sea"})

    assert answer.status_code == 400


@pytest.mark.row("B-56")
@pytest.mark.parametrize("path", ["/address/", "/not-me/", "/invitation/a/", "/password-reset/a/"])
def test_no_link_does(path, db):
    assert browser().get(f"{path}{':' * LONG}x").status_code in {400, 404}


def test_what_stands_around_a_text_is_taken_off_and_what_stands_in_it_stays():
    assert text.trim("\u200b \t kim\u00a0 \nvogt \ufeff ") == "kim\u00a0 \nvogt"
    assert text.trim("\u200b \n") == text.trim("") == ""
    assert text.trim("k") == "k"
    assert text.composed("e\u0301") == "\u00e9"
    assert TrimmedField().clean("e\u0301" + " " * LONG) == "\u00e9"
