"""The main ways in a second browser: signing in, setting up, a passkey, the list and its window, narrow windows."""

from __future__ import annotations

from base64 import b32decode
from typing import TYPE_CHECKING

import pytest

from mfa import services
from tests.browser.firefox import ESCAPE, PROGRAM, Firefox
from tests.people import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.people import Person

pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Firefox on this machine's PATH")

USERS = "/settings/administration/users/"


@pytest.fixture
def firefox(tmp_path, site) -> Iterator[Firefox]:
    """A browser, whose console has nothing to say of the site at the end."""
    browser = Firefox(tmp_path, site)
    try:
        yield browser
        assert browser.complaints() == []
    finally:
        browser.close()


def enter(firefox: Firefox, person: Person) -> None:
    """User name and password."""
    firefox.open("/login/")
    firefox.fill("User name", person.user.username)
    firefox.fill("Password", PASSWORD)
    firefox.click("Sign in")


def test_the_first_login_sets_up_an_app_and_the_next_asks_for_its_code(firefox, kim, admin):
    services.enable_two_factor(kim.user, actor=admin)
    enter(firefox, kim)
    firefox.is_on("/login/setup/two-factor/")
    [key] = firefox.words_of("#key")
    kim.app_key = b32decode(key.replace(" ", ""))
    firefox.fill("Code", kim.code())

    firefox.sees("Save your recovery codes")
    firefox.tick("I have saved my recovery codes")
    firefox.click("Continue")
    firefox.is_on("/portal/")
    firefox.sees("Firefox on Linux")
    firefox.click("User menu")
    firefox.click("Sign out")

    enter(firefox, kim)
    firefox.is_on("/login/challenge/")
    firefox.fill("Code", kim.code(1))
    firefox.is_on("/portal/")


def test_a_passkey_is_made_and_signs_in(firefox, kim):
    firefox.device()
    kim.sign_in()
    firefox.bring_session(kim)
    firefox.open("/user-settings/mfa/passkeys/new/")
    firefox.click("Create a passkey")
    firefox.is_on("/user-settings/mfa/")
    assert kim.user.passkeys.count() == 1
    firefox.click("Close")
    firefox.is_on("/user-settings/")
    firefox.click("User menu")
    firefox.click("Sign out")

    firefox.click("Sign in with a passkey")
    firefox.is_on("/portal/")
    firefox.sees("with a passkey")


def test_an_administrator_switches_2fa_on_in_the_window_over_the_list(firefox, administrator, kim):
    firefox.bring_session(administrator)
    firefox.open(USERS)
    began = firefox.runs("return performance.timeOrigin")
    firefox.click("Actions for kim")
    firefox.click("Multi-factor authentication")
    firefox.is_on(f"{USERS}{kim.user.pk}/mfa/")
    assert firefox.runs("return document.querySelector('dialog').matches(':modal')")

    firefox.click("Two-factor authentication")
    firefox.click("Confirm")
    firefox.finds('//button[@role="switch"][@aria-checked="true"]')
    kim.user.refresh_from_db()
    assert kim.user.two_factor_enabled

    firefox.press(ESCAPE)
    firefox.is_on(USERS)
    assert firefox.runs("return performance.timeOrigin") == began, "it is another page"


def test_nothing_is_wider_than_a_narrow_window(firefox, administrator, kim):
    firefox.resize(360, 780)
    firefox.open("/login/")
    wide = [firefox.overflow()]
    firefox.bring_session(administrator)
    for path in (USERS, f"{USERS}{kim.user.pk}/", f"{USERS}{kim.user.pk}/mfa/", "/settings/administration/"):
        firefox.open(path)
        wide.append(firefox.overflow())
    assert wide == [0, 0, 0, 0, 0]
