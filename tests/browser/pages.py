"""People at their browsers: what they see, and what they do with mouse and keyboard."""

from __future__ import annotations

import os
import re
from base64 import b32decode
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from playwright.sync_api import expect

from tests.browser.words import SOURCE, named, within
from tests.people import PASSWORD

if TYPE_CHECKING:
    from django.core.mail import EmailMessage
    from playwright.sync_api import Locator, Page

    from tests.people import Person

PICTURES = os.environ.get("PICTURES", "")  # a folder to leave pictures of flows in


class Device:
    """A virtual authenticator: this page's own, with room for passkeys and a finger at hand."""

    def __init__(self, page: Page, **options: Any) -> None:
        self.cdp = page.context.new_cdp_session(page)
        self.cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        } | options
        self.id = self.cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]

    def _send(self, method: str, **more: object) -> Any:
        return self.cdp.send(f"WebAuthn.{method}", {"authenticatorId": self.id, **more})

    def hold(self) -> None:
        """Nobody touches it: autofill waits instead of signing in as soon as a page opens."""
        self._send("setAutomaticPresenceSimulation", enabled=False)

    def touch(self) -> None:
        """From the next question on, somebody does."""
        self._send("setAutomaticPresenceSimulation", enabled=True)

    def recognises(self, verified: bool) -> None:
        """Whether it knows the finger."""
        self._send("setUserVerified", isUserVerified=verified)

    @property
    def passkeys(self) -> list[dict[str, Any]]:
        credentials: list[dict[str, Any]] = self._send("getCredentials")["credentials"]
        return credentials


@dataclass
class Desk:
    """Somebody at a browser."""

    page: Page
    someone: Person | None = None
    language: str = SOURCE

    @property
    def person(self) -> Person:
        assert self.someone
        return self.someone

    # --- What is on the screen: named in English, found in the browser's language ---

    def role(self, role: Any, name: str, *, exact: bool = True) -> Locator:
        return self.page.get_by_role(role, name=named(name, self.language), exact=exact)

    def labelled(self, label: str) -> Locator:
        return self.page.get_by_label(named(label, self.language), exact=True)

    def text(self, text: str) -> Locator:
        return self.page.get_by_text(within(text, self.language))

    def button(self, name: str) -> Locator:
        return self.role("button", name)

    def link(self, name: str) -> Locator:
        return self.role("link", name)

    def field(self, name: str) -> Locator:
        return self.role("textbox", name)

    def heading(self, name: str) -> Locator:
        return self.role("heading", name)

    def administration(self, name: str) -> Locator:
        """An entry of the navigation's group."""
        return self.role("list", "Administration").get_by_role("link", name=named(name, self.language), exact=True)

    @property
    def password_field(self) -> Locator:
        return self.labelled("Password")

    @property
    def window(self) -> Locator:
        return self.role("dialog", "Multi-factor authentication")

    @property
    def switch(self) -> Locator:
        return self.role("switch", "Two-factor authentication")

    @property
    def dialog(self) -> Locator:
        """Whatever window or confirmation is open."""
        return self.page.get_by_role("dialog")

    def sees(self, text: str) -> None:
        expect(self.text(text).filter(visible=True).first).to_be_visible()

    def fits(self) -> None:
        """Nothing is wider than the screen."""
        assert self.page.viewport_size
        assert self.page.evaluate("document.documentElement.scrollWidth") <= self.page.viewport_size["width"]

    def is_on(self, path: str) -> None:
        """The address is `path` (and whatever query)."""
        expect(self.page).to_have_url(re.compile(rf"^\w+://[^/]+{re.escape(path)}(\?|#|$)"))

    # --- What they do ---

    def device(self, **options: Any) -> Device:
        """Put a passkey device into this page."""
        return Device(self.page, **options)

    def open(self, path: str) -> None:
        self.page.goto(path)

    def open_mail(self, mail: EmailMessage, leads: str) -> None:
        """Open the link in `mail` that leads to `/<leads>/`."""
        found = re.search(rf"{re.escape(settings.BASE_URL)}(/{leads}/\S*)", str(mail.body))
        assert found, mail.body
        self.open(found[1])

    def bring_session(self) -> None:
        """Go on with the session of the person's other, faster browser."""
        name = settings.SESSION_COOKIE_NAME
        cookie = {"name": name, "value": self.person.client.cookies[name].value, "url": settings.BASE_URL}
        self.page.context.add_cookies([cookie])

    def arrive(self, path: str = "/") -> None:
        """Signed in, on `path`."""
        self.person.sign_in()
        self.bring_session()
        self.open(path)

    def tab_to(self, name: str) -> None:
        """Press Tab until the thing of this name has the focus."""
        wanted = [self.link(name), self.button(name), self.field(name), self.labelled(name)]
        for _press in range(80):
            self.page.keyboard.press("Tab")
            if any(each.and_(self.page.locator(":focus")).count() for each in wanted):
                return
        pytest.fail(f"Tab does not reach {name}.")

    def enter_password(self, password: str = PASSWORD) -> None:
        """From the login page on: user name, password, "Sign in"."""
        self.field("User name").fill(self.person.user.username)
        self.password_field.fill(password)
        self.button("Sign in").click()

    def sign_in(self, path: str = "/login/") -> None:
        """Open the login page, and type."""
        self.open(path)
        self.enter_password()

    def enter_code(self, code: str) -> None:
        """Six digits send themselves."""
        self.field("Code").press_sequentially(code)

    def sign_out(self) -> None:
        self.button("User menu").click()
        self.button("Sign out").click()
        self.is_on("/login/")

    def set_up_app(self) -> None:
        """On the page with the QR code: take the key from it, and enter a code."""
        self.person.app_key = key_on(self.page)
        self.field("Code").press_sequentially(self.person.code())

    def save_codes(self) -> list[str]:
        """On the page with the recovery codes: read them, say so, go on."""
        expect(self.heading("Save your recovery codes")).to_be_visible()
        self.person.codes = self.role("list", "Recovery codes").get_by_role("listitem").all_inner_texts()
        self.role("checkbox", "I have saved my recovery codes").check()
        self.button("Continue").click()
        return self.person.codes

    def find_user(self, username: str) -> None:
        """Administration → User, and the search."""
        self.administration("User").click()
        self.role("searchbox", "Search users").fill(username)
        self.page.keyboard.press("Enter")
        self.is_on("/settings/administration/users/")

    def open_window_of(self, username: str) -> None:
        """Administration → User → the row's menu → Multi-factor authentication."""
        self.find_user(username)
        self.button(f"Actions for {username}").click()
        self.link("Multi-factor authentication").click()
        expect(self.window).to_be_visible()

    def open_own_window(self) -> None:
        """User menu → User settings → Multi-factor authentication."""
        self.button("User menu").click()
        self.page.locator("#user-menu").locator(self.link("User settings")).click()
        self.link("Multi-factor authentication").click()
        expect(self.window).to_be_visible()

    def open_company(self, name: str) -> None:
        """Administration → Company → the company."""
        self.administration("Company").click()
        self.link(name).click()
        expect(self.heading(name)).to_be_visible()

    def confirm(self) -> None:
        self.button("Confirm").click()

    def picture(self, name: str) -> None:
        """Where PICTURES names a folder: how it looks now, in both colours and at both widths."""
        if not PICTURES:
            return
        before = self.page.viewport_size or {"width": 1280, "height": 800}
        floating = self.page.locator("dialog:modal, :popover-open").count()
        for width, height in ((1280, 800), (360, 740)):
            self.page.set_viewport_size({"width": width, "height": height})
            for scheme in ("light", "dark"):
                self.page.emulate_media(color_scheme=scheme)
                self.page.wait_for_timeout(300)  # colours fade
                self.page.screenshot(path=Path(PICTURES) / f"{name}-{width}-{scheme}.png", full_page=not floating)
        self.page.set_viewport_size({"width": before["width"], "height": before["height"]})


def key_on(page: Page) -> bytes:
    """The secret of the page with the QR code, as one would type it into an app."""
    return b32decode(page.locator("#key").inner_text().replace(" ", ""))
