"""The way in: five requests with a password and a code; with a passkey, four."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.visit import PASSWORD, code_of

if TYPE_CHECKING:
    from tests.bench.visit import Browser

LANDING = "/portal/"


def sign_in(browser: Browser, person: dict[str, str]) -> None:
    """With the password, then the code of the app chosen on the page."""
    page = browser.open("/login/")
    assert browser.send("/login/", page, username=person["username"], password=PASSWORD) == "/login/code/"
    page = browser.open("/login/code/")
    there = browser.send("/login/code/", page, otp_device=person["device"], otp_token=code_of(person))
    assert there == LANDING, there
    browser.open(LANDING)


def sign_in_with_passkey(browser: Browser, person: dict[str, str]) -> None:
    """As its script does."""
    page = browser.open("/login/")
    options = browser.call("/webauthn/authentication/begin/", page, {})
    answer = browser.authenticator().get(options, used=browser.passkey_of(person))
    assert browser.call("/webauthn/authentication/complete/", page, answer)["redirect_url"] == LANDING
    browser.open(LANDING)
