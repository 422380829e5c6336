"""Reading pages, sessions and the audit, for the tests of this folder."""

from __future__ import annotations

import json
import re
from base64 import b32decode
from dataclasses import dataclass
from html import unescape
from typing import TYPE_CHECKING, Any

from audit.models import AuditEvent

if TYPE_CHECKING:
    from accounts.models import User
    from tests.people import Person

SETUP = "/login/setup/two-factor/"
SAVE = "/login/setup/recovery-codes/"
CREATE = "/login/setup/passkey/"
CHALLENGE = "/login/challenge/"
OWN = "/user-settings/mfa/"
OWN_SETUP = f"{OWN}two-factor/set-up/"
OWN_CODES = f"{OWN}recovery-codes/"
NEW_CODES = f"{OWN}recovery-codes/new/"


def html(answer: Any) -> str:
    return unescape(answer.content.decode())


def words(answer: Any) -> str:
    """What a page says, without its tags and with single spaces."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def window_of(user: User) -> str:
    """The address of somebody's window in the Administration."""
    return f"/settings/administration/users/{user.pk}/mfa/"


def codes_on(answer: Any) -> list[str]:
    """The recovery codes that a page shows."""
    return re.findall(r"<li>([0-9A-Z]{4}(?:-[0-9A-Z]{4}){3})</li>", answer.content.decode())


def links_of(answer: Any) -> set[tuple[str, str]]:
    """The links of a page: where they lead, and what they say."""
    return set(re.findall(r'<a href="([^"]+)">([^<]+)</a>', html(answer)))


def save_form(person: Person) -> dict[str, str]:
    """What the page with new recovery codes sends at "Continue", the box ticked."""
    waiting = re.search(r'name="codes" value="([^"]+)"', html(person.client.get(OWN_CODES)))
    return {"saved": "on"} | ({"codes": waiting[1]} if waiting else {})


def make_new_codes(person: Person) -> list[str]:
    """“New recovery codes”, confirmed, saved, continued: the codes."""
    assert person.client.post(NEW_CODES).headers["Location"] == OWN_CODES
    codes = codes_on(person.client.get(OWN_CODES))
    assert person.client.post(OWN_CODES, save_form(person)).headers["Location"] == OWN
    return codes


@dataclass(frozen=True)
class SetupPage:
    """The page with QR code and key, as somebody with an authenticator app uses it."""

    id: str
    key: bytes
    uri: str

    @classmethod
    def read(cls, answer: Any) -> SetupPage:
        page = html(answer)
        key = re.search(r'id="key">([^<]+)<', page)
        setup = re.search(r'name="setup" value="([^"]+)"', page)
        uri = re.search(r'href="(otpauth:[^"]+)"', page)
        assert key, page
        assert setup, page
        assert uri, page
        return cls(setup[1], b32decode(key[1].replace(" ", "")), uri[1])


def open_setup(person: Person, path: str = SETUP) -> SetupPage:
    return SetupPage.read(person.client.get(path))


def new_key(person: Person, path: str = SETUP) -> SetupPage:
    """The page after "New key"."""
    return SetupPage.read(person.client.post(path, {"new_key": "yes"}, follow=True))


def confirm_setup(person: Person, page: SetupPage, path: str = SETUP, steps: int = 0) -> Any:
    """Enter the code that an app with the page's key shows."""
    person.app_key = page.key
    return person.client.post(path, {"setup": page.id, "code": person.code(steps)})


def session_dump(person: Person) -> str:
    """Everything that the server keeps in somebody's session, readable."""
    return json.dumps(dict(person.client.session.items()))


def audit_of(user: User) -> list[tuple[str, str | None]]:
    """What happened to somebody and who did it, oldest first."""
    events = AuditEvent.objects.filter(subject=user).select_related("actor").order_by("id")
    return [(event.action, event.actor.username if event.actor else None) for event in events]


def refusals_of(user: User) -> list[str]:
    """Why sign-ins of somebody were refused, oldest first."""
    events = AuditEvent.objects.filter(subject=user, action="refused").order_by("id")
    return [event.details["reason"] for event in events]
