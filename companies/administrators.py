"""Those who open the Settings app: to how many of them a password alone opens it, or would.

Read from the tally, so that it costs the same among a million people.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import site_rule
from accounts.linked import with_links
from accounts.models import Role, User
from accounts.roles import seen_roles
from companies.listing.kinds import OPENS_SETTINGS, ROLES, Cell, Kind, role_of
from companies.listing.leads import Leads
from companies.listing.models import Listing, Tally
from companies.models import Company

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from accounts.models import SiteRule
    from companies.listing.numbers import Numbers

SOME = 3  # by name; of the others their number
PASSWORD_ALONE, PASSKEY_ALONE = "password_alone", "passkey_alone"  # of companies.listing.narrowing
ADMINISTERING = frozenset({Role.ADMINISTRATOR, Role.COMPANY_ADMINISTRATOR})
ASKED_ALREADY = Kind.APP | Kind.OWN_SWITCH | Kind.LOCKED  # who has an app, or is asked for one, or is not let in at all


def is_met_alone(kind: int) -> bool:
    """Does the site's rule, and no switch of their own, ask somebody of this kind? Their company's is no matter of kinds."""
    return bool(kind & OPENS_SETTINGS and kind & Kind.ACTIVE and not kind & ASKED_ALREADY)


def has_neither(cell: Cell) -> bool:
    """Is there neither app nor passkey, and nothing but the site's rule that asks for one? Then a password is all there is."""
    return is_met_alone(cell.kind) and not cell.required and Kind.PASSKEY not in cell.kind


def has_passkey_alone(cell: Cell) -> bool:
    """The same with a passkey and no app: without the rule, the password alone is enough too."""
    return is_met_alone(cell.kind) and not cell.required and Kind.PASSKEY in cell.kind


@dataclass(frozen=True)
class Administrators:
    """Those whom `viewer` sees, and who have no app and are not asked for one by another rule."""

    viewer: User
    numbers: Numbers  # of all whom the viewer sees
    outside: Counter[Cell] = field(default_factory=Counter)  # of them, whom the next login keeps outside without a pass

    @cached_property
    def rule(self) -> SiteRule:
        return site_rule.current()

    @cached_property
    def _kinds(self) -> dict[Kind, int]:
        """How many there are of each kind."""
        found = {}
        for kind, people in self.numbers.people.items():
            if is_met_alone(kind):
                found[Kind(kind)] = people - self.numbers.required.get(kind, 0)
        return {kind: people for kind, people in found.items() if people}

    @property
    def _tally(self) -> QuerySet[Tally]:
        rows = Tally.objects.order_by().filter(Q(company=None) | Q(company__two_factor_enabled=False))
        return rows if self.viewer.serves_site else rows.filter(company__in=Company.objects.managed_by(self.viewer))

    def _count(self, *, passkey: bool, roles: frozenset[Role] = frozenset(ROLES)) -> int:
        kinds = self._kinds.items()
        return sum(people for kind, people in kinds if (Kind.PASSKEY in kind) is passkey and role_of(kind) in roles)

    @property
    def without_factor(self) -> int:
        """How many have neither app nor passkey: a password is all there is."""
        return self._count(passkey=False)

    @property
    def passkey_only(self) -> int:
        """How many have a passkey and no app: without the rule, their password alone is enough too."""
        return self._count(passkey=True)

    @property
    def password_will_do(self) -> int:
        """How many could open the Settings app with a password alone, or are asked for more by the rule alone."""
        return self.without_factor + (0 if self.rule.factor_demanded else self.passkey_only)

    @property
    def kept_out(self) -> int:
        """How many of those without a factor the next login keeps outside before a pass is given."""
        return sum(number for cell, number in self.outside.items() if has_neither(cell))

    @property
    def headline(self) -> str:
        """ "2 administrators sign in with a password alone"; with the rule, that they are asked."""
        number, leads = self.without_factor, Leads({}, (PASSWORD_ALONE,))
        if not number:
            return self._of_passkeys() if self.password_will_do else self._of_nobody()
        if self.kept_out:
            text = ngettext(
                "{number} person who opens the Settings app has neither 2FA nor a passkey",
                "{number} people who open the Settings app have neither 2FA nor a passkey",
                number,
            )
        else:
            text = self._headline(number)
        return with_links(text, number=leads.number(number))

    @property
    def then(self) -> list[str]:
        """What the next login does with them, where it is not the same with all."""
        out, leads = self.kept_out, Leads({}, (PASSWORD_ALONE,))
        asked = self.without_factor - out
        said: list[str] = []
        if out and asked:
            text = ngettext(
                "{number} will be asked to set one up at the next login.",
                "{number} will be asked to set one up at their next login.",
                asked,
            )
            said.append(with_links(text, number=leads.number(asked, "now.asked")))
        if out:
            text = ngettext(
                "{number} cannot get in at the next login before an access pass is given.",
                "{number} cannot get in at their next login before an access pass is given to each.",
                out,
            )
            said.append(with_links(text, number=leads.number(out, "now.stuck")))
        return said

    @property
    def passkeys_alone(self) -> str:
        """The list of those with a passkey and no app."""
        return Leads({}, (PASSKEY_ALONE,)).everybody

    def _headline(self, number: int) -> str:
        if number == self._count(passkey=False, roles=ADMINISTERING):
            alone = ngettext(
                "{number} administrator signs in with a password alone",
                "{number} administrators sign in with a password alone",
                number,
            )
            asked = ngettext(
                "{number} administrator will be asked to set up 2FA or a passkey at the next login",
                "{number} administrators will be asked to set up 2FA or a passkey at their next login",
                number,
            )
        else:
            alone = ngettext(
                "{number} person opens the Settings app with a password alone",
                "{number} people open the Settings app with a password alone",
                number,
            )
            asked = ngettext(
                "{number} person who opens the Settings app will be asked to set up 2FA or a passkey",
                "{number} people who open the Settings app will be asked to set up 2FA or a passkey",
                number,
            )
        return asked if self.rule.factor_demanded else alone

    @property
    def some_are_unseen(self) -> bool:
        """Are there, or may there be, others who open the Settings app and are no affair of the viewer's?"""
        return Role.COMPANY_ADMINISTRATOR not in seen_roles(self.viewer)

    def _of_nobody(self) -> str:
        if self.some_are_unseen:
            return _("None of those whom you see opens the Settings app with a password alone")
        return _("Nobody opens the Settings app with a password alone")

    def _of_passkeys(self) -> str:
        """What the headline is where only people with passkeys are left."""
        number = self.passkey_only
        text = ngettext(
            "{number} person with a passkey can open the Settings app with the password alone",
            "{number} people with a passkey can open the Settings app with the password alone",
            number,
        )
        return with_links(text, number=Leads({}, (PASSKEY_ALONE,)).number(number))

    @cached_property
    def named(self) -> list[User]:
        """Some of them, to be named."""
        kinds = [kind for kind in self._kinds if Kind.PASSKEY not in kind]
        if not kinds:
            return []
        homes = list(self._tally.filter(kind__in=kinds, number__gt=0).values_list("company", flat=True)[:SOME])
        there = Q(company__in=homes) | Q(company=None)
        rows = Listing.objects.filter(there, kind__in=kinds).values_list("person", flat=True)[: 2 * SOME]
        return list(User.objects.managed_by(self.viewer).filter(pk__in=list(rows)).order_by("search_text", "pk")[:SOME])

    @property
    def more(self) -> int:
        """How many there are beside those who are named."""
        return self.without_factor - len(self.named)
