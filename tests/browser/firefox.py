"""A real Firefox, where the machine has one.

Playwright drives only a build of its own. Firefox itself listens to Marionette: commands of WebDriver, as JSON with its
length before it, over a socket on loopback (firefox-source-docs.mozilla.org, "Marionette Protocol").
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
from shutil import which
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from tests.people import Person

PROGRAM = next(filter(None, map(which, ("firefox", "firefox-esr"))), None)
SECONDS = 60  # for whatever is waited for: a slow machine is no failure
PREFERENCES = """
user_pref("marionette.port", 0);
user_pref("intl.accept_languages", "en-GB");
user_pref("security.webauth.webauthn_enable_softtoken", true);
user_pref("security.webauth.webauthn_enable_usbtoken", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
"""
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver, section 12: the key of an element
ESCAPE = "\ue00c"  # WebDriver, section 17.4.2
COMPLAINTS = """
return Services.console.getMessageArray()
  .filter((said) => said instanceof Ci.nsIScriptError && !(said.flags & Ci.nsIScriptError.warningFlag))
  .map((said) => said.toString())
  .filter((said) => said.includes(arguments[0]));
"""


class Refused(Exception):
    """What Firefox says of a command that it could not do."""


class Firefox:
    """A browser of its own with one page open, in `folder`, at the site of this address."""

    def __init__(self, folder: Path, site: str) -> None:
        assert PROGRAM
        self._site, self._number = site, 0
        (folder / "user.js").write_text(PREFERENCES)
        self._process = subprocess.Popen(
            [PROGRAM, "--headless", "--no-remote", "--marionette", "--remote-allow-system-access", "--profile", folder],
            env=os.environ | {"HOME": str(folder)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._socket = socket.create_connection(("127.0.0.1", self._port(folder)), 2 * SECONDS)
            self._answers = self._socket.makefile("rb")
            self._next()  # who it is
            self._ask("WebDriver:NewSession")
        except BaseException:
            self._process.kill()
            raise

    def close(self) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _port(self, folder: Path) -> int:
        end = monotonic() + SECONDS
        while monotonic() < end and self._process.poll() is None:
            try:
                return int((folder / "MarionetteActivePort").read_text())
            except (OSError, ValueError):
                sleep(0.1)
        raise TimeoutError("Firefox did not start to listen.")

    def _next(self) -> Any:
        length = 0
        while (digit := self._answers.read(1)) != b":":
            length = 10 * length + int(digit)
        return json.loads(self._answers.read(length))

    def _ask(self, command: str, **parameters: object) -> Any:
        self._number += 1
        sent = json.dumps([0, self._number, command, parameters]).encode()
        self._socket.sendall(b"%d:%b" % (len(sent), sent))
        _kind, _number, error, result = self._next()
        if error:
            raise Refused(f"{command} {parameters}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and result.keys() == {"value"} else result

    # --- What is on the screen ---

    def finds(self, path: str) -> str:
        """The first element that this XPath finds and that can be seen, once there is one."""
        end = monotonic() + SECONDS
        while monotonic() < end:
            for element in self._ask("WebDriver:FindElements", using="xpath", value=path):
                try:
                    if self._ask("WebDriver:IsElementDisplayed", id=element[ELEMENT]):
                        return str(element[ELEMENT])
                except Refused:  # the page went on meanwhile
                    break
            sleep(0.1)
        raise TimeoutError(f"There is no {path} on {self.address}: {self.text[-2000:]}")

    @property
    def address(self) -> str:
        """Without the site's own part."""
        return str(self._ask("WebDriver:GetCurrentURL")).removeprefix(self._site)

    @property
    def text(self) -> str:
        """All that is written on the page."""
        return "".join(self.words_of("body"))

    def words_of(self, selector: str) -> list[str]:
        """What stands in each element that this CSS selector finds."""
        found = self._ask("WebDriver:FindElements", using="css selector", value=selector)
        return [str(self._ask("WebDriver:GetElementText", id=element[ELEMENT])) for element in found]

    def sees(self, text: str) -> None:
        self.finds(f'//body//*[text()[contains(normalize-space(.), "{text}")]]')

    def is_on(self, path: str) -> None:
        end = monotonic() + SECONDS
        while self.address.partition("?")[0] != path:
            assert monotonic() < end, f"{self.address}: {self.text[-2000:]}"
            sleep(0.1)

    def runs(self, script: str, *arguments: object) -> Any:
        """What `script` returns in the page."""
        return self._ask("WebDriver:ExecuteScript", script=script, args=list(arguments))

    def overflow(self) -> int:
        """By how many pixels the page is wider than the window."""
        return int(self.runs("const page = document.documentElement; return page.scrollWidth - page.clientWidth"))

    def complaints(self) -> list[str]:
        """What its console has from the site's pages: errors, and what their policy stopped."""
        self._ask("Marionette:SetContext", value="chrome")
        try:
            return list(self.runs(COMPLAINTS, self._site))
        finally:
            self._ask("Marionette:SetContext", value="content")

    # --- What somebody does ---

    def open(self, path: str) -> None:
        self._ask("WebDriver:Navigate", url=self._site + path)

    def _field(self, label: str) -> str:
        named = f'//label[normalize-space(.)="{label}"]'
        return self.finds(f"//input[@id={named}/@for] | {named}//input")

    def fill(self, label: str, text: str) -> None:
        self._ask("WebDriver:ElementSendKeys", id=self._field(label), text=text)

    def click(self, name: str) -> None:
        """A button or a link, by what stands on it or what it is called."""
        labelled = f'@aria-label="{name}" or @aria-labelledby=//*[normalize-space(.)="{name}"]/@id'
        named = f'[normalize-space(.)="{name}" or {labelled}]'
        self._ask("WebDriver:ElementClick", id=self.finds(f"//button{named} | //a{named}"))

    def tick(self, label: str) -> None:
        self._ask("WebDriver:ElementClick", id=self._field(label))

    def press(self, key: str) -> None:
        """Wherever the focus is."""
        element = self._ask("WebDriver:GetActiveElement")
        self._ask("WebDriver:ElementSendKeys", id=element[ELEMENT], text=key)

    def resize(self, width: int, height: int) -> None:
        self._ask("WebDriver:SetWindowRect", width=width, height=height)

    def bring_session(self, person: Person) -> None:
        """Go on with the session of the person's other, faster browser. The page before it asks for no session itself."""
        self.open("/accessibility/")
        self._ask("WebDriver:AddCookie", cookie={"name": "session", "value": person.client.cookies["session"].value})

    def device(self) -> None:
        """Put a virtual authenticator into it, with a finger that it knows."""
        self._ask(
            "WebAuthn:AddVirtualAuthenticator",
            protocol="ctap2_1",
            transport="internal",
            hasResidentKey=True,
            hasUserVerification=True,
            isUserConsenting=True,
            isUserVerified=True,
        )
