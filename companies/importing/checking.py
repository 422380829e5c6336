"""What a file would do: who would be made, and what is wrong, by line and column. Nothing here writes.

Whoever administers one company is not told whether a name is taken by somebody whom they do not see: ten thousand such
questions at once would be a list of who has an account. They learn it of a line by importing it, which is on record.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import batched
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from accounts.forms import FIELD_CLASSES, ONE_LINE
from accounts.models import Role, User
from accounts.roles import WITHOUT_COMPANY, up_to
from accounts.text import check_username, fold, fold_address, in_all_languages, inside, quoted
from companies.importing.reading import HEADINGS
from companies.models import Company

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django import forms

    from accounts.models import UserQuerySet
    from companies.importing.reading import FileLine, Table

LOOKED_UP_AT_ONCE = 500
LONGEST = {"username": 150, "first_name": 150, "last_name": 150, "email": 254}  # as the columns are


@dataclass(frozen=True)
class Mistake:
    """What is wrong in a line: the column, what stands there, and what to do."""

    line: int
    column: str
    contents: str
    what: str

    @property
    def heading(self) -> str:
        return str(HEADINGS.get(self.column, ""))


@dataclass(frozen=True)
class Newcomer:
    """Somebody who would be made, not saved."""

    line: int
    user: User


class CheckedFile:
    """What `table` would do if `actor` imported it now. Of lines up to `after` nothing is said but that others repeat them."""

    def __init__(self, table: Table, actor: User, *, after: int = 0) -> None:
        self.table, self.actor = table, actor
        self.companies: dict[str, Company | None] = {}
        self.mistakes: list[Mistake] = []
        self.people: list[Newcomer] = []
        self._fields = {
            name: FIELD_CLASSES[name](required=name == "username", max_length=LONGEST[name], validators=[ONE_LINE])
            for name in ("username", "first_name", "last_name", "email")
        }
        first: dict[str, int] = {}
        for part in batched(table.lines, LOOKED_UP_AT_ONCE):
            self._check(part, first)
        self.mistakes = sorted((each for each in self.mistakes if each.line > after), key=lambda each: each.line)
        self.people = [each for each in self.people if each.line > after]

    @cached_property
    def wrong_lines(self) -> list[int]:
        return sorted({mistake.line for mistake in self.mistakes})

    @cached_property
    def by_company(self) -> list[tuple[str, int]]:
        """How many people each company would get, the most first."""
        return Counter(each.user.company.name if each.user.company else "" for each in self.people).most_common()

    @cached_property
    def by_role(self) -> list[tuple[str, int]]:
        """How many of each role there would be, the most first."""
        return Counter(str(Role(each.user.role).label) for each in self.people).most_common()

    @cached_property
    def with_address(self) -> int:
        return sum(bool(each.user.email) for each in self.people)

    def _check(self, lines: Iterable[FileLine], first: dict[str, int]) -> None:
        found = [(line, self._person(line)) for line in lines]
        seen = taken([user for _line, user in found if user], User.objects.managed_by(self.actor))
        for line, user in found:
            if user is None:
                continue
            wrong = self._twice(line, user, first)
            said = {each.column for each in wrong}  # whom an earlier line names may be made by now
            wrong += [each for each in _taken(line, user, seen) if each.column not in said]
            if wrong:
                self.mistakes += wrong
            else:
                self.people.append(Newcomer(line.number, user))

    def _twice(self, line: FileLine, user: User, first: dict[str, int]) -> list[Mistake]:
        """Is the name or the address that of an earlier line?"""
        wrong = []
        for column, folded in (("username", fold(user.username)), ("email", fold_address(user.email))):
            if folded and (before := first.setdefault(f"{column}:{folded}", line.number)) != line.number:
                text = _("This is already in line {number}. Each person has their own.").format(number=before)
                wrong.append(Mistake(line.number, column, line.cells.get(column, ""), text))
        return wrong

    def _person(self, line: FileLine) -> User | None:
        """Who stands in the line; None where something is wrong in it."""
        before = len(self.mistakes)
        if line.too_many:
            text = _(
                "This line has more cells than the first one. Put a text that holds the separator in quotation marks."
            )
            self._wrong(line, "", text)
            return None
        user = User(language=self._language(line))
        for name, field in self._fields.items():
            try:
                setattr(user, name, field.clean(line.cells.get(name, "")))
                if name == "username":
                    check_username(user.username)
            except ValidationError as trouble:
                self._wrong(line, name, self._advice(name, field, trouble, line))
        user.role = self._role(line)
        user.company = self._company(line, user.role)
        return user if len(self.mistakes) == before else None

    def _wrong(self, line: FileLine, column: str, what: str) -> None:
        self.mistakes.append(Mistake(line.number, column, line.cells.get(column, ""), what))

    def _advice(self, name: str, field: forms.Field, trouble: ValidationError, line: FileLine) -> str:
        if not line.cells.get(name):
            return _("A user name is needed. Enter one.")
        if name == "email" and trouble.error_list[0].code == "invalid" and "@" in line.cells[name]:
            domain = line.cells[name].rpartition("@")[2]
            if domain and "." not in domain:
                return _("This is not a complete e-mail address. Add what comes after “{domain}”.").format(
                    domain=domain
                )
        return " ".join(trouble.messages)

    def _role(self, line: FileLine) -> str:
        typed = line.cells.get("role", "")
        if not typed:
            return Role.MEMBER
        roles = up_to(self.actor.role)
        meant = role_words().get(_as_word(typed))
        if meant in roles:
            return meant
        own = ", ".join(quoted(inside(str(role.label))) for role in roles)
        text = _("There is no such role. Write one of: {roles}.") if meant is None else _(
            "You cannot give this role. Write one of: {roles}."
        )  # fmt: skip
        self._wrong(line, "role", text.format(roles=own))
        return Role.MEMBER

    def _company(self, line: FileLine, role: str) -> Company | None:
        typed = line.cells.get("company", "")
        if not self.actor.serves_site:
            if typed and self._found(typed) != self.actor.company:
                text = _(
                    "You can create people in {company} only. Leave the cell empty, or put the line in another file."
                )
                self._wrong(line, "company", text.format(company=self.actor.company))
            return self.actor.company
        if typed:
            company = self._found(typed)
            if company is None:
                self._wrong(
                    line, "company", _("There is no company with this name. Correct it, or create the company first.")
                )
            return company
        if role not in WITHOUT_COMPANY:
            self._wrong(line, "company", _("Members and company administrators belong to a company. Enter its name."))
        return None

    def _found(self, name: str) -> Company | None:
        folded = fold(name)
        if folded not in self.companies:
            self.companies[folded] = Company.objects.managed_by(self.actor).filter(name_folded=folded).first()
        return self.companies[folded]

    def _language(self, line: FileLine) -> str:
        typed = line.cells.get("language", "")
        known = {_as_word(name): code for code, label in settings.LANGUAGES for name in (code, str(label))}
        if typed and _as_word(typed) not in known:
            names = ", ".join(quoted(code) for code, _label in settings.LANGUAGES)
            self._wrong(
                line, "language", _("m2v does not speak this language. Write one of: {names}.").format(names=names)
            )
        return known.get(_as_word(typed), "")


@cache
def role_words() -> dict[str, Role]:
    """Which role each word means, in every language of the site."""
    return {_as_word(name): role for role in Role for name in (role.value, *in_all_languages(role.label))}


def taken(users: list[User], among: UserQuerySet) -> set[str]:
    """Which names and addresses of `users` somebody `among` people has, as the columns are folded."""
    names = [fold(user.username) for user in users]
    addresses = [folded for user in users if (folded := fold_address(user.email))]
    found = {
        f"username:{name}" for name in among.filter(username_folded__in=names).values_list("username_folded", flat=True)
    }
    return found | {
        f"email:{address}"
        for address in among.filter(email_folded__in=addresses).values_list("email_folded", flat=True)
    }


def _taken(line: FileLine, user: User, seen: set[str]) -> list[Mistake]:
    wrong = []
    if f"username:{fold(user.username)}" in seen:
        text = _("This user name is taken. Choose another one, or leave the line out if it is the same person.")
        wrong.append(Mistake(line.number, "username", line.cells.get("username", ""), text))
    if user.email and f"email:{fold_address(user.email)}" in seen:
        text = _("This e-mail address belongs to another account. Enter a different one, or leave the line out.")
        wrong.append(Mistake(line.number, "email", line.cells.get("email", ""), text))
    return wrong


def _as_word(text: str) -> str:
    return fold(text).replace("_", " ").replace("-", " ")
