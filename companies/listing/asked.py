"""Administration → User: what its address asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.functional import cached_property

from accounts.models import Role, User
from accounts.roles import seen_roles, serves_site
from accounts.text import fold
from accounts.whereabouts import hidden
from companies.bulk.models import BulkRun
from companies.listing.kinds import Chip
from companies.listing.narrowing import label_of
from companies.listing.search import words_in
from companies.models import Company

if TYPE_CHECKING:
    from django.http import QueryDict

ORDERS = ("name", "company", "last")
MOST_CONDITIONS = 6


@dataclass(frozen=True)
class AskedList:
    """What the address asks for. A company, role, filter or condition that there is not finds nobody: an act on all that are found must not
    meet more than were meant. Anything else that is odd in it is ignored.
    """

    actor: User
    asked: QueryDict

    @property
    def words(self) -> str:
        return self.asked.get("q", "")[:200].strip()

    @property
    def chosen(self) -> str:
        """The filter; "" for all active people, or all whom a search finds."""
        chosen = self.asked.get("show", "")
        return chosen if chosen in list(Chip) else ""

    @property
    def only(self) -> list[str]:
        """What holds of those who are shown, beside the filter: what the number says that led here."""
        return [name for name in self.asked.get("only", "").split(",") if name]

    @property
    def only_in_words(self) -> str:
        """The same, as the list says it."""
        return " · ".join(map(label_of, self.only))

    @cached_property
    def chosen_for(self) -> BulkRun | None:
        """The act for which some were ticked or pasted: these alone are shown. It is the actor's own."""
        try:
            key = UUID(self.asked.get("of", ""))
        except ValueError:
            return None
        return BulkRun.objects.filter(pk=key, owner=self.actor.pk, asked__isnull=True).first()

    @property
    def order(self) -> str:
        order = self.asked.get("sort", "name")
        return order if order in ORDERS and (order != "last" or self.shows_logins) else "name"

    @property
    def shows_logins(self) -> bool:
        """May the actor see when others signed in last?"""
        return not hidden(None, self.actor)

    @property
    def role(self) -> str:
        role = self.asked.get("role", "")
        return role if role in self.roles else ""

    @property
    def roles(self) -> list[Role]:
        """The roles to choose from."""
        return [role for role in Role if role in seen_roles(self.actor)]

    @cached_property
    def company(self) -> Company | None:
        """The company whose people alone are shown: by its id, or its name."""
        asked = self.company_asked
        companies = Company.objects.managed_by(self.actor)
        try:
            return companies.filter(pk=UUID(asked)).first()
        except ValueError:
            named = fold(asked.replace("\x00", ""))
            return companies.filter(name_folded=named).first() if named else None

    @property
    def company_asked(self) -> str:
        """The same as it was typed."""
        return self.asked.get("company", "")[:200].strip()

    @property
    def chooses_company(self) -> bool:
        """Does the actor see people of more than one company?"""
        return serves_site(self.actor)

    @cached_property
    def no_such_company(self) -> bool:
        """Does it ask for a company that there is not, or not for the actor?"""
        return bool(self.company_asked) and self.company is None

    @cached_property
    def unknown(self) -> bool:
        """Does it ask for a company, a role, a filter or a condition that there is not, or not for the actor?"""
        odd = any(self.asked.get(name) and not known for name, known in (("show", self.chosen), ("role", self.role)))
        odd = odd or (bool(self.asked.get("of")) and self.chosen_for is None)
        odd = (
            odd or len(self.only) > MOST_CONDITIONS or not all(map(label_of, self.only))
        )  # cut short they would meet more
        return odd or self.no_such_company

    @cached_property
    def finds_nobody(self) -> bool:
        """Is nobody found, whoever there is? So too where what is sought has no word in it."""
        return self.unknown or bool(self.words and not self.terms)

    @cached_property
    def terms(self) -> list[str]:
        """The words to look for."""
        return words_in(self.words)
