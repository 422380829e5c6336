"""The rows of the list of people, of which a page has twenty-five.

Letting the template write each of them was half of the page's work. Which row somebody gets depends on few things: the
template writes one of each look, once in a process, and everybody's own words are put in its places.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import get_language

from accounts import dates
from accounts.roles import Role
from accounts.templatetags.people import initials
from accounts.whereabouts import hidden
from mfa.queries import listed_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.utils.safestring import SafeString

    from accounts.models import User
    from accounts.permissions import Permission
    from mfa.queries import State

ROW = "components/user-row.html"
BEGIN, END = "\ue000", "\ue001"  # stand for braces until those of the template's own words are doubled
QUOTED_WORD = re.compile(r'="([A-Za-z-]+)"(?!/)')
LOOKS = 1000  # that are kept; a page seldom has more than a dozen, and a site some hundreds


class Look(NamedTuple):
    """What a row's template decides by: nothing in it is anybody's own."""

    language: str | None
    permissions: frozenset[Permission]
    picks: bool  # can be selected
    is_self: bool
    active: bool
    erased: bool
    locked: bool
    has_company: bool
    role: Role
    state: State
    required: bool
    reminded: bool
    requested: bool
    passkeys: int
    signed_in: bool
    shows_logins: bool


def rows_of(people: Iterable[Any], viewer: User, query: str, *, picks: bool) -> list[SafeString]:
    """A row for each of `people` of a list's page; its links have `query`, so that they lead back to this page."""
    language, permissions = get_language(), viewer.permissions
    addresses = {"users": reverse("settings:users"), "companies": reverse("settings:companies"), "query": query}
    return [
        format_html(
            _written(_look_of(person, viewer, language, permissions, picks=picks)),
            place=place, **addresses, **_words_of(person),
        )
        for place, person in enumerate(people, 1)
    ]  # fmt: skip


@lru_cache(maxsize=LOOKS)
def _written(look: Look) -> str:
    """The row of this look, with the names of what belongs there in braces, for str.format; other braces are doubled.

    Of its attributes those that are one word go without quotes (HTML, 13.1.2.3): they come twenty-five times on a page.
    """
    row = render_to_string(ROW, {"look": look, **{name: f"{BEGIN}{name}{END}" for name in ROW_PLACES}})
    return QUOTED_WORD.sub(r"=\1", row).replace("{", "{{").replace("}", "}}").replace(BEGIN, "{").replace(END, "}")


ROW_PLACES = ("place", "users", "companies", "query", "pk", "initials", "name", "username", "company", "company_pk",
         "reminded", "last")  # fmt: skip


def _look_of(
    person: Any, viewer: User, language: str | None, permissions: frozenset[Permission], *, picks: bool
) -> Look:
    return Look(
        language,
        permissions,
        picks,
        is_self=person == viewer,
        active=person.is_active,
        erased=person.erased_at is not None,
        locked=person.locked_at is not None,
        has_company=person.company_id is not None,
        role=Role(person.role),
        state=listed_state(person),
        required=person.required_by_company,
        reminded=bool(person.reminded_at and (person.passkey_requested or not person.has_app)),
        requested=bool(person.passkey_requested),
        passkeys=person.passkey_count,
        signed_in=person.last_sign_in_at is not None,
        shows_logins=not hidden(None, viewer),
    )


def _words_of(person: Any) -> dict[str, object]:
    return {
        "pk": person.pk,
        "initials": initials(person),
        "name": person.get_full_name(),
        "username": person.username,
        "company": person.company.name if person.company else "",
        "company_pk": person.company_id,
        "reminded": dates.day(person.reminded_at) if person.reminded_at else "",
        "last": capfirst(dates.moment(person.last_sign_in_at)) if person.last_sign_in_at else "",
    }
