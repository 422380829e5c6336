"""Whatever anybody sends to any address: an answer and never a failure, nothing changed by what is refused, nobody let in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.models import Role, Session
from accounts.sessions.store import stored_as
from mfa import services
from tests.accounts.steps import SAVE_CODES, go_half_way
from tests.accounts.walk import pages
from tests.fuzz.profiles import examples
from tests.fuzz.site import Sent, digest, requests, send, undone
from tests.people import Person, browser

# How somebody comes to be who they are, and whether no request of the fuzzer's may let them in.
STATES = {
    "stranger": True,
    "challenge": True,
    "challenge by passkey alone": True,
    "set-up": True,
    "recovery codes": False,  # whoever says that they saved them is in
    "passkey": False,  # and whoever says "Not now"
    "member": False,
    "company administrator": False,
    "administrator": False,
}
ROLES = {
    "member": Role.MEMBER,
    "company administrator": Role.COMPANY_ADMINISTRATOR,
    "administrator": Role.ADMINISTRATOR,
}
HALF_WAY = {"challenge", "challenge by passkey alone", "set-up", "recovery codes", "passkey"}
ADDRESSES = pages()
APART = 13  # each example goes to every 13th address


@pytest.fixture
def ids(kim, company):
    """Kim, whose name and password the fuzzer knows: an app is what keeps it out."""
    kim.set_up_app()
    return {"user_id": kim.user.pk, "company_id": company.pk, "passkey_id": kim.add_passkey().pk}


@pytest.fixture(params=STATES)
def somebody(request, make_person, admin) -> tuple[str, str | None, Any]:
    """A state, its session, and a passkey of that person's own."""
    state = request.param
    if state == "stranger":
        return state, None, None
    role = ROLES.get(state, Role.MEMBER)
    person: Person = make_person("zzz", **{"role": role} | ({"company": None} if role == Role.ADMINISTRATOR else {}))
    if state in HALF_WAY:
        go_half_way(person, state, admin)
        if state == "recovery codes":
            assert person.client.get(SAVE_CODES).status_code == 200
    else:
        person.add_passkey()
        assert person.use_passkey().status_code == 200
        person.set_up_app()
        services.request_passkey(person.user, actor=admin)
    passkey = person.user.passkeys.first()
    return state, person.client.cookies["session"].value, passkey.pk if passkey else None


def path_of(page: Any, sent: Sent, ids: dict[str, Any], own: Any) -> str:
    """Its path, about Kim or about nothing that there is."""
    parts = dict(ids)
    if own and page.name.startswith("own_mfa:"):
        parts["passkey_id"] = own
    if sent.odd_ids:
        parts = dict.fromkeys(parts, sent.odd_ids[0]) | dict(zip(("uidb64", "token"), sent.odd_ids, strict=True))
    return page.path(**parts)


def opens_the_portal(session: str | None) -> bool:
    return session is not None and send(Sent(), "/portal/", session).status == 200


def is_ended(session: str | None) -> bool:
    """Did the act end the session that it came from ("sign out everybody"), so that a script must sign in anew?"""
    return session is not None and not Session.objects.filter(pk=stored_as(session)).exists()


def test_whatever_is_sent_is_answered_and_a_refusal_changes_nothing(somebody, ids):
    state, session, own = somebody
    stays_out = STATES[state]
    before = digest()
    met = set()

    @examples(45)
    @given(requests(), st.integers(0, APART - 1))
    def anything(sent: Sent, first: int) -> None:
        for page in ADDRESSES[first::APART]:
            with undone():
                got = send(sent, path_of(page, sent, ids, own), session)
                assert got.status < 500, (page.name, got)
                assert got.trouble == [], (page.name, got)
                met.add(got.status // 100)
                if stays_out:
                    assert digest() == before, (page.name, got)
                    assert not opens_the_portal(got.session), page.name
                    assert not opens_the_portal(session), page.name
                elif got.status >= 400 and not (got.status == 401 and is_ended(session)):
                    assert digest() == before, (page.name, got)

    anything()
    assert {3, 4} <= met
    assert digest() == before, "an example left something behind"
    assert opens_the_portal(session) == (state in ROLES)


def test_whatever_is_sent_to_no_address_at_all_is_answered(somebody):
    _state, session, _own = somebody
    before = digest()

    @examples(15)
    @given(requests(), st.text(max_size=30))
    def anything(sent: Sent, path: str) -> None:
        with undone():
            for odd in (f"/{path}", path, f"/static/{path}", f"/settings/{path}"):
                got = send(sent, odd, session)
                assert got.status < 500, (odd, got)
                assert got.trouble == [], (odd, got)

    anything()
    assert digest() == before


def test_the_fuzzer_goes_to_every_address():
    assert {page.name for first in range(APART) for page in ADDRESSES[first::APART]} == {page.name for page in pages()}
    assert len(ADDRESSES) > 45


def test_the_fuzzers_way_in_is_a_real_one(kim):
    """The session that it sends does count, or its tests would prove nothing."""
    kim.sign_in()

    assert opens_the_portal(kim.client.cookies["session"].value)
    assert not opens_the_portal(browser().session.session_key)
