"""The way in: four requests. The answer to the password is the page that asks for the code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.visit import PASSWORD, code_of

if TYPE_CHECKING:
    from tests.bench.visit import Browser

LANDING = "/portal/"
LOGIN = "/account/login/"


def sign_in(browser: Browser, person: dict[str, str]) -> None:
    """With the password, then the code."""
    page = browser.open(LOGIN)
    named = {"auth-username": person["username"], "auth-password": PASSWORD}
    page = browser.send(LOGIN, page, **{"login_view-current_step": "auth", **named})
    assert "token-otp_token" in page, page
    typed = {"token-otp_token": code_of(person)}
    assert browser.send(LOGIN, page, **{"login_view-current_step": "token", **typed}) == LANDING
    browser.open(LANDING)
