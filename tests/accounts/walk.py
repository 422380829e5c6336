"""The site as a list of pages and the database as plain values, for tests that walk everything."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.apps import apps
from django.urls import URLResolver, get_resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NOBODY = UUID("00000000-0000-4000-8000-000000000000")
NO_LINK = {"uidb64": "MDAw", "token": "c5q3yx-0123456789abcdef0123456789abcdef", "link": "not-me/none."}
# Addresses that only show something, and addresses that only take what a button or a script sends.
SHOW_ONLY = {
    "settings:user_access_pass",
    "link_in_a_sentence",
    "home",
    "portal",
    "settings:home",
    "settings:users",
    "settings:user_mfa:window",
    "settings:companies",
    "settings:company_names",
    "settings:company",
    "settings:activity",
    "settings:past_day",
    "settings:user_import_errors",
    "confirm_continue",
    "own_passkey_new",
    "own_mfa:window",
    "password_reset_sent",
    "accessibility",
    "change_password",
}
TAKE_ONLY = {
    "settings:user_invite",
    "settings:user_unlock",
    "settings:user_session_end",
    "settings:user_remind",
    "settings:user_withdraw",
    "settings:address_withdraw",
    "settings:activity_export",
    "settings:past_day_export",
    "settings:user_export",
    "settings:user_file",
    "own_file",
    "settings:company_export",
    "settings:bulk",
    "settings:bulk_stop",
    "settings:bulk_skipped",
    "address_withdraw",
    "settings:user_mfa:passkey_request",
    "settings:user_mfa:passkey_request_delete",
    "logout",
    "session_end",
    "sessions_end_others",
    "csp_report",
    "passkey_authentication_options",
    "passkey_authentication",
    "passkey_registration_options",
    "passkey_registration",
    "own_mfa:passkey_request",
    "own_mfa:passkey_request_delete",
}
# What an attempt leaves in the audit and nowhere else.
REFUSALS = {"access_refused", "form_refused", "fields_ignored", "step_skipped"}
PART = re.compile(r"<(?:\w+:)?(\w+)>")


@dataclass(frozen=True)
class Page:
    """One address of the site: its name with namespaces, its pattern and its view."""

    name: str
    pattern: str
    view: Callable[..., object]

    @property
    def public(self) -> bool:
        return not getattr(self.view, "login_required", True)

    @property
    def methods(self) -> set[str]:
        """What it answers to."""
        if self.name in TAKE_ONLY:
            return {"POST"}
        return {"GET", "HEAD"} if self.name in SHOW_ONLY else {"GET", "HEAD", "POST"}

    def path(self, **parts: object) -> str:
        """Its path. What `parts` do not say is the id of nobody, or a link that is none."""
        known = (
            {
                "user_id": NOBODY,
                "company_id": NOBODY,
                "passkey_id": NOBODY,
                "place_id": NOBODY,
                "import_id": NOBODY,
                "run_id": NOBODY,
            }
            | NO_LINK
            | parts
        )
        return "/" + PART.sub(lambda part: str(known[part[1]]), self.pattern)

    def has(self, part: str) -> bool:
        """Is `part` ("user_id") in its address?"""
        return part in PART.findall(self.pattern)


def pages() -> list[Page]:
    """Every address of the site."""
    return list(_walk(get_resolver(), "", ""))


def _walk(resolver: URLResolver, names: str, pattern: str) -> Iterator[Page]:
    for entry in resolver.url_patterns:
        here = pattern + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from _walk(entry, f"{names}{entry.namespace}:" if entry.namespace else names, here)
        else:
            yield Page(f"{names}{entry.name}", here, entry.callback)


def everything(*but: str) -> dict[str, list[dict[str, Any]]]:
    """Every row of the database as plain values, except sessions, guesses, mail, refusals in the audit, and the models
    named.
    """
    return {
        model.__name__: [
            {name: bytes(value) if isinstance(value, memoryview) else value for name, value in row.items()}
            for row in model._default_manager.order_by("pk").values()
            if row.get("action") not in REFUSALS
        ]
        for model in apps.get_models()
        if model.__name__ not in {"Session", "Budget", "OwedMail", "ContentType", "Permission", *but}
    }
