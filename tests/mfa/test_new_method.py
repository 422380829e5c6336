"""The recipe "a new method": its folder and its line in two tables, and a login takes it; nothing else is told."""

from __future__ import annotations

import pytest

from accounts.backends import PasswordBackend
from accounts.throttle import budgets, rule
from audit.methods import METHODS, in_words
from audit.models import AuditEvent
from mfa import methods, proofs, queries
from mfa.backends import SignInBackend
from tests.mfa import word_card
from tests.mfa.pages import CHALLENGE
from tests.mfa.word_card import NAME, word_of
from tests.people import Person

OWN_SETUP = "/user-settings/mfa/two-factor/set-up/"


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    """What a deployment would have from its start on."""
    monkeypatch.setitem(METHODS, NAME, word_card.ENTRY)
    monkeypatch.setitem(methods.TYPED, NAME, word_card)
    monkeypatch.setitem(methods.FACTORS, NAME, word_card)
    for query in (queries.holdings, proofs.passkeys_with_owner):
        query.cache_clear()
    monkeypatch.setattr(SignInBackend, "people", queries.with_holdings(PasswordBackend.people))
    word_card.taken_away.clear()
    yield
    for query in (queries.holdings, proofs.passkeys_with_owner):
        query.cache_clear()


@pytest.fixture
def cara(make_person) -> Person:
    """Somebody with a card and nothing else."""
    return make_person("cara", email="cara@cards.example")


def lines_of(person: Person, action: str) -> list[dict[str, object]]:
    return list(AuditEvent.objects.filter(subject=person.user, action=action).values_list("details", flat=True))


def test_a_password_and_a_word_sign_in(cara):
    assert cara.enter_password().headers["Location"] == CHALLENGE
    assert not cara.is_in
    assert b'name="code"' in cara.client.get(CHALLENGE).content

    assert cara.enter_code(word_of(cara.user)).headers["Location"] == "/"
    assert cara.is_in
    [signed_in] = lines_of(cara, "signed_in")
    assert signed_in["methods"] == ["password", NAME]
    assert in_words(signed_in["methods"]) == "a password and a word from a card"


def test_a_wrong_word_is_said_in_words_of_the_method_and_is_on_record(cara):
    cara.enter_password()

    page = cara.enter_code("abcdefgh")

    assert page.status_code == 400
    assert "This word is not on your card." in page.content.decode()
    assert lines_of(cara, "refused") == [{"methods": [NAME], "reason": "WrongWord"}]
    assert not cara.is_in


def test_whoever_has_no_card_is_asked_for_none_and_their_word_is_worth_nothing(kim):
    kim.set_up_app()
    kim.enter_password()

    assert kim.enter_code(word_of(kim.user)).status_code == 400
    assert not kim.is_in


def test_a_password_alone_does_not_sign_in_somebody_with_a_card(cara):
    cara.enter_password()

    assert cara.client.get("/portal/").headers["Location"].startswith("/login/")
    assert cara.asked_for == CHALLENGE


def test_it_confirms_who_one_is(cara, time_machine):
    cara.enter_password()
    cara.enter_code(word_of(cara.user))
    time_machine.move_to(cara.user.created_at.timestamp() + 16 * 60)
    asked = cara.client.get(OWN_SETUP)
    assert asked.headers["Location"].startswith("/confirm/")

    answer = cara.client.post(asked.headers["Location"], {"code": word_of(cara.user)})

    assert answer.headers["Location"] == OWN_SETUP
    assert cara.client.get(OWN_SETUP).status_code == 200


def test_a_hundred_wrong_words_in_a_row_take_it_out_of_use(cara, clock):
    for _time in range(rule.USED_UP):
        budgets.unlock(cara.user)  # the delays are another matter
        clock.shift(rule.HOUR + 1)
        attacker = Person(cara.user)
        attacker.enter_password()
        assert attacker.enter_code("wrongone").status_code == 400

    assert cara.user.pk in word_card.taken_away
