"""People and companies as rows of a file: who is in it is somebody else's affair, and how many they are is no matter.

Rows are read some hundreds at a time, each time from where the last ones ended, and written as they come.
"""

from __future__ import annotations

import csv
import json
from functools import cache
from itertools import batched, chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils.formats import get_format
from django.utils.translation import gettext, gettext_noop, override

from accounts.models import Role, User
from accounts.whereabouts import hidden
from companies.cells import harmless
from companies.queries import count_people, share
from mfa.queries import State, listed_state, with_factors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from accounts.models import UserQuerySet
    from companies.models import Company, CompanyQuerySet

ROWS_AT_ONCE = 500
BOM = "\ufeff"  # without it, Excel takes UTF-8 for Windows-1252, and "Müller" for "MÃ¼ller"
STATES = {State.SET_UP: "set up", State.ASKED: "asked at next login", State.OFF: "not asked"}

FILTERS = ("q", "show", "company", "role", "only", "of", "sort")  # of an address, in the audit

# The first of them are what an import reads, in whatever language of the site.
OF_A_PERSON = (
    gettext_noop("user name"), gettext_noop("first name"), gettext_noop("last name"), gettext_noop("e-mail"),
    gettext_noop("company"), gettext_noop("role"), gettext_noop("language"), gettext_noop("account"),
    gettext_noop("two-factor authentication"), gettext_noop("required by"), gettext_noop("passkeys"),
    gettext_noop("passkey requested"), gettext_noop("last login"), gettext_noop("created"),
)  # fmt: skip
OF_A_COMPANY = (
    gettext_noop("company"), gettext_noop("two-factor authentication"), gettext_noop("since"), gettext_noop("users"),
    gettext_noop("set up"), gettext_noop("percent"),
)  # fmt: skip
LAST_LOGIN = OF_A_PERSON.index("last login")


def each_person(people: UserQuerySet) -> Iterator[User]:
    """All of `people` with what they hold, however many they are; those read together in the order of their user names.

    They are read by their keys: a name may change meanwhile.
    """
    rows = with_factors(people).select_related("company").order_by("pk")
    part = list(rows[:ROWS_AT_ONCE])
    while part:
        yield from sorted(part, key=attrgetter("username_folded"))
        part = list(rows.filter(pk__gt=part[-1].pk)[:ROWS_AT_ONCE])


def with_these_ids(ids: Iterable[UUID]) -> Iterator[User]:
    """The same for people who were found otherwise."""
    for part in batched(ids, ROWS_AT_ONCE):
        people = with_factors(User.objects.filter(pk__in=part)).select_related("company")
        yield from people.order_by("username_folded")


def each_company(companies: CompanyQuerySet, viewer: User) -> Iterator[Company]:
    """All of `companies`, in the order that their names have now, with how many of their people `viewer` sees and how many of
    these have set up 2FA.
    """
    keys = list(companies.order_by("name_folded").values_list("pk", flat=True))
    for part in batched(keys, ROWS_AT_ONCE):
        yield from count_people(sorted(companies.filter(pk__in=part), key=attrgetter("name_folded")), viewer)


def person_row(person: Any) -> list[str | int]:
    """A person of `each_person` under the headings of `OF_A_PERSON`."""
    account = "deactivated" if not person.is_active else "locked" if person.locked_at else "active"
    by_site = person.factor_demanded and person.opens_settings and not person.passkey_count
    required = {"person": person.two_factor_enabled, "company": person.required_by_company, "site": by_site}
    return [
        person.username,
        person.first_name,
        person.last_name,
        person.email,
        person.company.name if person.company else "",
        role_names()[person.role],
        person.language,
        account,
        STATES[listed_state(person)],
        " and ".join(by for by, is_on in required.items() if is_on),
        person.passkey_count,
        "yes" if person.passkey_requested else "no",
        _at(person.last_sign_in_at),
        _at(person.created_at),
    ]


def headings_for(viewer: User | None) -> list[str]:
    """Those of the columns of people that are for `viewer`, or for whoever is on the server."""
    return _for(viewer, [*OF_A_PERSON])


def row_for(viewer: User | None, person: Any) -> list[str | int]:
    """A person under these headings."""
    return _for(viewer, person_row(person))


def _for[Cell](viewer: User | None, cells: list[Cell]) -> list[Cell]:
    return cells[:LAST_LOGIN] + cells[LAST_LOGIN + 1 :] if hidden(None, viewer) else cells


@cache
def role_names() -> dict[str, str]:
    """What a file calls the roles, like all that is below its headings the same to whoever takes it out: programs read it too."""
    with override(settings.LANGUAGE_CODE):
        return {role.value: str(role.label) for role in Role}


def company_row(company: Company) -> list[str | int]:
    """A company of `each_company` under the headings of `OF_A_COMPANY`."""
    return [
        company.name,
        "required" if company.two_factor_enabled else "not required",
        _at(company.two_factor_changed_at if company.two_factor_enabled else None),
        company.people,
        company.set_up,
        share(company.set_up, company.people) if company.people else "",
    ]


def headings_in_words(headings: Sequence[str]) -> list[str]:
    """The headings of a table, in the language of whoever takes it out now; what is below them, programs read too."""
    return [gettext(heading) for heading in headings]


def readers_separator() -> str:
    """What the spreadsheet of whoever reads now splits a line at: a semicolon where numbers have a decimal comma."""
    return ";" if get_format("DECIMAL_SEPARATOR") == "," else ","


def as_csv(
    headings: Sequence[str], rows: Iterable[Sequence[str | int]], *, begin: str = "", separator: str = ","
) -> Iterator[str]:
    """The file, some hundred lines at a time (RFC 4180). No cell is a formula to a spreadsheet, wherever it splits."""
    writer = csv.writer(_Echo(), delimiter=separator)
    lines = chain([headings], rows)
    for part in batched(lines, ROWS_AT_ONCE):
        yield begin + "".join(writer.writerow([harmless(str(cell)) for cell in line]) for line in part)
        begin = ""


def as_json(headings: Sequence[str], rows: Iterable[Sequence[str | int]]) -> Iterator[str]:
    """An array with an object for each row, a line each."""
    names = [heading.replace(" ", "_").replace("-", "_") for heading in headings]
    comma = "[\n"
    for row in rows:
        yield comma + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        comma = ",\n"
    yield "[]\n" if comma == "[\n" else "\n]\n"


class _Echo:
    """A file for csv.writer that hands the line back."""

    def write(self, line: str) -> str:
        return line


def _at(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""
