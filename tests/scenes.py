"""What tests by row look at: the things that a way around would change, the doors it would open."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from django.conf import settings

from accounts import invitations
from tests.accounts.walk import everything, pages
from tests.mfa.pages import OWN, window_of

if TYPE_CHECKING:
    from accounts.models import User
    from companies.models import Company
    from tests.accounts.walk import Page
    from tests.people import Person

FORM = "application/x-www-form-urlencoded"
DOORS = ("/portal/", "/m2s/", "/settings/", "/user-settings/", OWN)
PASSWORD_PAGE = "/user-settings/password/"
AUTHENTICATION = "/passkeys/authentication/"
REGISTRATION = "/passkeys/registration/"
SWITCHES = ("username", "email", "company_id", "role", "is_active", "password", "two_factor_enabled")


def things() -> dict[str, Any]:
    """People, companies and factors as they are, without counters of tries and times of use."""
    rows = everything()
    factors = {
        "AuthenticatorApp": ("user_id", "key", "confirmed"),
        "RecoveryCode": ("user_id", "sealed_digest", "used_at"),
        "Passkey": ("id", "user_id", "name", "credential_id", "public_key", "suspended_at"),
        "PasskeyRequest": ("user_id", "requested_by_id"),
        "Company": ("id", "name", "two_factor_enabled"),
        "User": ("id", *SWITCHES),
    }
    return {model: [{name: row[name] for name in names} for row in rows[model]] for model, names in factors.items()}


def guarded() -> list[Page]:
    """Every address that is not open to strangers."""
    return [page for page in pages() if not page.public]


def paths_about(person: User, company: Company | None = None) -> dict[Page, str]:
    """The path of every guarded address, about `person`, their company and their first passkey."""
    passkey = person.passkeys.first()
    parts = {"user_id": person.pk, "company_id": company.pk if company else person.company_id}
    parts |= {"passkey_id": passkey.pk} if passkey else {}
    return {page: page.path(**parts) for page in guarded()}


def acts_on(person: User) -> list[str]:
    """The addresses of the Administration that change how `person` gets in."""
    window, passkey = window_of(person), person.passkeys.first()
    acts = ["two-factor/on/", "two-factor/off/", "passkeys/request/", "passkeys/request/delete/"]
    acts += [f"passkeys/{passkey.pk}/delete/"] if passkey else []
    around = ["deactivate/", "activate/", "sign-out/", "invite/"]
    return [window + act for act in acts] + [window.removesuffix("mfa/") + act for act in around]


def is_shut(person: Person) -> bool:
    """Is every door closed, for pages and for scripts?"""
    asked = [person.client.get(path).status_code for path in DOORS]
    told = [person.client.get(path, HTTP_ACCEPT="application/json").status_code for path in DOORS]
    return asked == [302] * len(DOORS) and told == [401] * len(DOORS)


def key_of(person: Person) -> str:
    """The session's key in somebody's browser."""
    return person.client.cookies[settings.SESSION_COOKIE_NAME].value


def carry(person: Person, key: str) -> Person:
    """Put a session's key into somebody's browser."""
    person.client.cookies[settings.SESSION_COOKIE_NAME] = key
    return person


def main_of(answer: Any, *typed: str) -> str:
    """What the page is about, without the frame, its token and what was typed."""
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|nonce="[^"]*"', "", answer.content.decode())
    for word in typed:
        text = text.replace(word, "…")
    return text[text.index("<main") : text.index("</main>")]


def choose_by_invitation(person: Person, actor: User, password: str) -> Any:
    """Invite somebody, and let them choose a password by the link; the answer to the form."""
    path = invitations.invite(person.user, actor=actor).removeprefix(settings.BASE_URL)
    form = person.client.get(path).headers["Location"]
    return person.client.post(form, {"new_password1": password, "new_password2": password})
