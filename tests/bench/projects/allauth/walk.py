"""The way in: five requests with a password and a code; with a passkey, four."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.bench.visit import PASSWORD, code_of

if TYPE_CHECKING:
    from tests.bench.visit import Browser

LANDING = "/portal/"
LOGIN = "/accounts/login/"
CODE = "/accounts/2fa/authenticate/"
PASSKEY = "/accounts/2fa/webauthn/login/"


def sign_in(browser: Browser, person: dict[str, str]) -> None:
    """With the password, then the code."""
    page = browser.open(LOGIN)
    assert browser.send(LOGIN, page, login=person["username"], password=PASSWORD) == CODE
    page = browser.open(CODE)
    assert browser.send(CODE, page, code=code_of(person)) == LANDING
    browser.open(LANDING)


def sign_in_with_passkey(browser: Browser, person: dict[str, str]) -> None:
    """The page's script fetches the options, and sends its form."""
    page = browser.open(LOGIN)
    options = json.loads(browser.open(PASSKEY, **{"X-Requested-With": "XMLHttpRequest"}))["request_options"]
    answer = browser.authenticator().get(options["publicKey"], used=browser.passkey_of(person))
    assert browser.send(PASSKEY, page, credential=json.dumps(answer)) == LANDING
    browser.open(LANDING)
