"""The way in: the sign-in page, its form, the page behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.bench.visit import PASSWORD

if TYPE_CHECKING:
    from tests.bench.visit import Browser

LANDING = "/portal/"


def sign_in(browser: Browser, person: dict[str, str]) -> None:
    """With the password."""
    page = browser.open("/login/")
    browser.send("/login/", page, username=person["username"], password=PASSWORD)
    browser.open(LANDING)
