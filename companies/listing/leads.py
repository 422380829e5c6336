"""Where numbers of people lead: to the list that shows just these."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.urls import reverse

from accounts.linked import linked
from companies.listing.kinds import Chip

if TYPE_CHECKING:
    from collections.abc import Mapping

    from companies.models import Company


@dataclass(frozen=True)
class Leads:
    """To some of those whom the list with this query shows, of whom `only` holds beforehand (companies.listing.narrowing)."""

    query: Mapping[str, str]
    only: tuple[str, ...] = ()

    def to(self, *conditions: str, show: str = "") -> str:
        """The address of the list of those of whom these conditions hold too."""
        query = dict(self.query) | ({"show": show} if show else {})
        kept = [query["only"]] if query.get("only") else []
        if only := ",".join([*kept, *self.only, *conditions]):
            query["only"] = only
        return reverse("settings:users") + (f"?{urlencode(query, safe=',')}" if query else "")

    def number(self, number: int, *conditions: str, show: str = "") -> str:
        """A number within a sentence, which leads to them."""
        return linked(number, self.to(*conditions, show=show))

    # --- For templates ---

    @property
    def everybody(self) -> str:
        return self.to()

    @property
    def set_up(self) -> str:
        return self.to(show=Chip.SET_UP)

    @property
    def asked(self) -> str:
        return self.to(show=Chip.ASKED)

    @property
    def off(self) -> str:
        return self.to(show=Chip.OFF)


def people_of(company: Company | None) -> Leads:
    """To those of a company; to everybody's where none is said."""
    return Leads({"company": str(company.pk)} if company else {})
