"""The way in: five requests with a password and a code; with a passkey, four."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.visit import PASSWORD, code_of

if TYPE_CHECKING:
    from tests.bench.visit import Browser

LANDING = "/bench/"


def sign_in(browser: Browser, person: dict[str, str]) -> None:
    """With the password, then the code."""
    page = browser.open("/login/")
    assert browser.send("/login/", page, username=person["username"], password=PASSWORD) == "/login/challenge/"
    page = browser.open("/login/challenge/")
    browser.send("/login/challenge/", page, code=code_of(person))
    browser.open(LANDING)


def sign_in_with_passkey(browser: Browser, person: dict[str, str]) -> None:
    """As the sign-in page's script does."""
    page = browser.open("/login/")
    options = browser.call("/passkeys/authentication/options/", page, {})
    answer = browser.authenticator().get(options, used=browser.passkey_of(person))
    browser.call("/passkeys/authentication/", page, {"credential": answer})
    browser.open(LANDING)
