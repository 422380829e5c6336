"""NIST SP 800-63B-4, section 3.1.1.2: passwords."""

from __future__ import annotations

import unicodedata

import pytest

from tests.people import PASSWORD
from tests.security.links import CHANGE, chosen, signs_in

EMOJI = "🔑🗝🔒🔐🔏🔓📎📌🔨🪛🔧🪚🧰🧲🪜🧵"


def change(person, password):
    return person.client.post(CHANGE, {"old_password": PASSWORD} | chosen(password))


@pytest.mark.row("N-3.1.1.2-15/8")
def test_a_passkey_shortens_nothing(kim):
    """Who has one can still sign in with the password alone."""
    kim.add_passkey()
    kim.use_passkey()

    assert change(kim, "qzvjx wk").status_code == 400


@pytest.mark.row("N-3.1.1.2-64")
def test_code_points_are_counted_not_bytes(kim):
    kim.sign_in()
    sixty_four = "".join(chr(0x1F300 + 7 * number) for number in range(64))

    assert change(kim, EMOJI[:14]).status_code == 400
    assert change(kim, sixty_four).status_code == 302
    assert signs_in("kim", sixty_four)


@pytest.mark.row("N-3.1.1.2-64")
@pytest.mark.parametrize("chosen_as", ["NFC", "NFD"])
@pytest.mark.parametrize("typed_as", ["NFC", "NFD"])
def test_both_unicode_forms_of_a_password_log_in(chosen_as, typed_as, kim):
    kim.sign_in()
    password = "Äpfel für Zoë, Åse und Ñandú"

    assert change(kim, unicodedata.normalize(chosen_as, password)).status_code == 302

    assert signs_in("kim", unicodedata.normalize(typed_as, password))
    assert not signs_in("kim", "Apfel fur Zoe, Ase und Nandu")


@pytest.mark.row("N-3.1.1.2-64")
def test_the_length_is_that_of_the_one_form(kim):
    """Fourteen letters with their accents apart are fourteen, not twenty-eight."""
    kim.sign_in()

    answer = change(kim, unicodedata.normalize("NFD", "äöüéèêñåçõàìòù"))

    assert "it has 14 characters and needs at least 15" in answer.content.decode()


def test_signs_that_look_alike_are_not_the_same_password(kim):
    """NFC only: NFKC would make fewer passwords of many."""
    kim.sign_in()
    change(kim, "ﬁve ﬁgs ﬁll ﬁelds")

    assert not signs_in("kim", "five figs fill fields")
    assert signs_in("kim", "ﬁve ﬁgs ﬁll ﬁelds")


@pytest.mark.row("N-3.1.1.2-64")
def test_every_accent_apart_of_a_longest_password_still_logs_in(kim):
    kim.sign_in()
    longest = "".join(chr(0x1EA0 + number % 90) for number in range(0, 256 * 7, 7))

    assert change(kim, unicodedata.normalize("NFD", longest)).status_code == 302
    assert signs_in("kim", unicodedata.normalize("NFD", longest))


@pytest.mark.row("N-3.1.1.2-block")
@pytest.mark.parametrize(
    ("password", "because"),
    [
        ("iloveyou", "it is on lists of stolen passwords"),
        ("aaaaaaaaaaaaaaaa", "a common password, a repetition, a row of keys or a date"),
        ("hansen hansen hansen", "which is your name"),
        ("too short", "too short: it has 9 characters and needs at least 15"),
    ],
)
def test_a_refusal_gives_its_reason_and_helps_on(password, because, kim):
    kim.sign_in()

    page = change(kim, password).content.decode()

    assert because in page
    assert "A few words in a row are easy to remember and hard to guess." in page


@pytest.mark.parametrize("name", ["set_password", "check_password"])
def test_a_password_that_nobody_types_is_not_even_normalised(name, kim):
    """A megabyte of accents takes minutes to put in order."""
    endless = "a" + "̧́" * 500_000

    if name == "check_password":
        assert not kim.user.check_password(endless)
        assert not kim.user.check_password(None)
    else:
        with pytest.raises(ValueError, match="never this long"):
            kim.user.set_password(endless)
