"""Names and addresses as people type, paste and invent them: each is refused with a sentence, or has one form."""

from __future__ import annotations

from unicodedata import category, normalize

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from hypothesis import example, given
from hypothesis import strategies as st

from accounts.domains import NoDomain, ascii_address, ascii_domain
from accounts.text import LINKED, check_username, clean_address, fold, fold_address, spoken, trim
from tests.fuzz.profiles import examples
from tests.fuzz.site import text

PIECES = (
    *(
        "kim",
        "jürgen",
        "किरण",
        "straße",
        "bücher",
        "例え",
        "xn--bcher-kva",
        "MÜLLER",
        "example",
        ".",
        "-",
        "@",
        "..",
        "xn--",
    ),
    *(
        "\u200b",
        "\u200f",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\u00ad",
        "\u0308",
        "\u3002",
        "\uff0e",
        " ",
        "\n",
        "\x00",
        "İ",
        "ß",
        "ﬁ",
    ),
)
typed = st.one_of(text, st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
letters = st.text(st.characters(categories=["L", "M", "N", "Cf", "Zs"]), min_size=1, max_size=20)


@examples(300)
@given(typed)
def test_a_domain_has_one_form_that_mail_servers_know_or_none(domain):
    try:
        plain = ascii_domain(domain)
    except NoDomain:
        return
    assert plain.isascii()
    assert plain == plain.lower()
    assert ascii_domain(plain) == plain


@examples(300)
@given(typed, typed)
@example("kim", "bücher.example")
@example("kim", "exam\u200bple.com")
def test_an_address_that_is_kept_is_one_account_however_it_is_typed_again(local, domain):
    try:
        kept = clean_address(f"{local}@{domain}")
        validate_email(ascii_address(kept))
        sent = ascii_address(kept)
    except (ValidationError, NoDomain):
        return
    assert clean_address(kept) == kept
    assert sent.rpartition("@")[2].isascii()
    assert fold_address(sent) == fold_address(kept) == fold_address(f" {kept}\u200b")


@examples(300)
@given(typed)
def test_a_user_name_that_is_taken_shows_every_letter_of_it(name):
    name = normalize("NFC", name)
    try:
        check_username(name)
    except ValidationError:
        return
    assert any(category(letter)[0] in "LN" for letter in name)
    assert "@" not in name
    assert trim(name) == name
    assert not [letter for letter in name if category(letter)[0] in "CZ"]
    assert fold(f"\u200b{name}\ufeff") == fold(name)


@examples(300)
@given(st.one_of(typed, letters, st.just("your account is locked: https://evil.example/")))
def test_what_a_mail_says_of_a_name_is_one_line_without_a_link(name):
    said = spoken(name)
    assert "\n" not in said
    assert len(said) <= 61
    assert not LINKED.search(said)
