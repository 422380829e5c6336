"""People on their way through a login, for tests of what holds at each of its steps."""

from __future__ import annotations

import re
from base64 import b32decode
from typing import TYPE_CHECKING, Any

from mfa import services

if TYPE_CHECKING:
    from accounts.models import User
    from tests.people import Person

CHALLENGE = "/login/challenge/"
SET_UP = "/login/setup/two-factor/"
SAVE_CODES = "/login/setup/recovery-codes/"
PASSKEY = "/login/setup/passkey/"

# How somebody comes to stand at which step after the password.
HALF_WAY = {
    "challenge": CHALLENGE,
    "challenge by passkey alone": CHALLENGE,
    "set-up": SET_UP,
    "recovery codes": SAVE_CODES,
    "passkey": PASSKEY,
}


def begin_set_up(person: Person) -> dict[str, str]:
    """Open the set-up page of the login: their app has the key now. What the page's form holds."""
    page = person.client.get(SET_UP).content.decode()
    key = re.search(r'id="key">([^<]+)<', page)
    setup = re.search(r'name="setup" value="([^"]+)"', page)
    assert key
    assert setup
    person.app_key = b32decode(key[1].replace(" ", ""))
    return {"setup": setup[1]}


def set_up(person: Person) -> None:
    """Set the app up in the login, as far as the recovery codes."""
    answer = person.client.post(SET_UP, begin_set_up(person) | {"code": person.code()})
    assert answer.headers["Location"] == SAVE_CODES


def go_half_way(person: Person, kind: str, admin: User) -> Person:
    """Let `person` enter the password, after what makes them stand at the step `kind` then."""
    if kind.startswith("challenge"):
        person.add_passkey()
    if kind == "challenge":
        person.set_up_app()
    elif kind == "passkey":
        services.request_passkey(person.user, actor=admin)
    else:
        services.enable_two_factor(person.user, actor=admin)
    person.enter_password()
    if kind == "recovery codes":
        set_up(person)
    return person


def finish(person: Person) -> Any:
    """Take every step of the login that is left; the answer to the last one, None where none was."""
    answer: Any = None
    for _step in range(5):
        here = person.asked_for
        if here == CHALLENGE:
            answer = person.enter_code()
        elif here == SET_UP:
            answer = person.client.post(SET_UP, begin_set_up(person) | {"code": person.code()})
        elif here == SAVE_CODES:
            answer = person.client.post(SAVE_CODES, {"saved": "on"})
        elif here == PASSKEY:
            answer = person.client.post(PASSKEY, {"later": ""})
        else:
            return answer
    raise AssertionError("The login does not end.")
