"""Whom a company's rule will meet, counted before it is thrown: the policy asked about each kind of person there is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Exists

from accounts.models import Role, User
from companies.listing.kinds import OPENS_SETTINGS, Chip, Kind
from companies.listing.numbers import numbers_for
from companies.models import Listing
from mfa.forecast import Circumstances, Outcome, outcome, requiring
from mfa.policy import Standing
from mfa.queries import CONFIRMED_APPS, circumstances_of, with_holdings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from companies.models import Company

ADMINISTRATORS_NAMED = 3  # administrators who will be asked, by name


@dataclass(frozen=True)
class Forecast:
    """What becomes of the people of a company whom one administrator sees, once it requires 2FA.

    The first three add up to all; the others are some of those who are asked.
    """

    set_up: int  # nothing changes for them
    asked: int  # have signed in before
    never_signed_in: int  # are asked at their first login
    need_pass: int  # cannot go on before they are given one
    locked: int  # come in only after somebody has looked at their account
    administrators: list[str]  # some by name
    asked_administrators: int
    reader: Outcome | None  # what it means for whoever reads this; None where they are not of this company

    @property
    def people(self) -> int:
        return self.set_up + self.asked + self.never_signed_in


def of_requiring(company: Company, *, viewer: User) -> Forecast:
    """What requiring 2FA of everybody in `company` will do: a handful of statements, however many people there are.

    A kind of person does not tell whether an access pass was given: of those few each is looked at.
    """
    kinds = {kind: n for kind, n in numbers_for(viewer, company).people.items() if kind & Kind.ACTIVE}
    left = {kind: n for kind, n in kinds.items() if not kind & Kind.APP}
    never = sum(n for kind, n in left.items() if kind & Kind.NEVER_SIGNED_IN)
    need_pass = sum(n for kind, n in left.items() if _of_kind(kind, company) is Outcome.STUCK)
    for person, kind in _given_passes(company, viewer):
        need_pass -= _of_kind(kind, company) is Outcome.STUCK
        need_pass += outcome(requiring(circumstances_of(person))) is Outcome.STUCK
    administrators = (
        User.objects.managed_by(viewer)
        .opening()
        .filter(~Exists(CONFIRMED_APPS), company=company, role=Role.COMPANY_ADMINISTRATOR)
        .order_by("search_text", "pk")
    )
    return Forecast(
        set_up=sum(kinds.values()) - sum(left.values()),
        asked=sum(left.values()) - never,
        never_signed_in=never,
        need_pass=need_pass,
        locked=sum(n for kind, n in left.items() if kind & Kind.LOCKED),
        administrators=[person.get_full_name() for person in administrators[:ADMINISTRATORS_NAMED]],
        asked_administrators=administrators.count(),
        reader=outcome(requiring(circumstances_of(viewer))) if viewer.company_id == company.pk else None,
    )


def _given_passes(company: Company, viewer: User) -> Iterator[tuple[User, int]]:
    """Those who were given a pass and have set nothing up since, and their kinds."""
    given = (
        User.objects.managed_by(viewer)
        .filter(~Exists(CONFIRMED_APPS), access_pass__isnull=False, company=company, is_active=True)
        .select_related("company")
    )
    found = {person.pk: person for person in with_holdings(given)}
    for person, kind in Listing.objects.filter(person__in=list(found)).values_list("person", "kind"):
        yield found[person], kind


def _of_kind(kind: int, company: Company) -> Outcome:
    """What requiring 2FA means for somebody of this kind, once their account is open."""
    standing = Standing(
        two_factor_required=True,
        has_app=bool(kind & Kind.APP),
        has_passkey=bool(kind & Kind.PASSKEY),
        passkey_requested=bool(kind & Kind.REQUESTED),
        pass_demanded=company.pass_demanded,
    )
    return outcome(Circumstances(standing))


@dataclass(frozen=True)
class Release:
    """What becomes of the people of a company whom one administrator sees, once it no longer requires 2FA.

    The first three add up to all. Of those who are not set up, the site's rule asks some still, whatever the company
    says (`by_site`), and others have been switched on by themselves (`individually`).
    """

    set_up: int  # they keep it
    left: int  # have signed in before
    left_never: int
    by_site: int
    by_site_never: int
    individually: int  # and not by the site
    reader: Chip | None  # among whom whoever reads this is; None where they are not of this company

    @property
    def people(self) -> int:
        return self.set_up + self.left + self.left_never

    def freed(self, *, keeping: bool) -> int:
        """How many are no longer asked; `keeping` those who were switched on by themselves."""
        still = self.by_site + self.by_site_never + (self.individually if keeping else 0)
        return self.left + self.left_never - still


def of_releasing(company: Company, *, viewer: User) -> Release:
    """What it will do that `company` no longer requires 2FA: a handful of statements, however many people there are."""
    numbers = numbers_for(viewer, company)
    kinds = {kind: n for kind, n in numbers.people.items() if kind & Kind.ACTIVE}
    left = {kind: n for kind, n in kinds.items() if not kind & Kind.APP}
    never = {kind: n for kind, n in left.items() if kind & Kind.NEVER_SIGNED_IN}
    asked = {kind: n for kind, n in left.items() if _released(kind, demanded=numbers.demanded) is not Outcome.FREE}
    return Release(
        set_up=sum(kinds.values()) - sum(left.values()),
        left=sum(left.values()) - sum(never.values()),
        left_never=sum(never.values()),
        by_site=sum(n for kind, n in asked.items() if kind not in never),
        by_site_never=sum(n for kind, n in asked.items() if kind in never),
        individually=sum(n for kind, n in left.items() if kind & Kind.OWN_SWITCH and kind not in asked),
        reader=_row_of_reader(viewer) if viewer.company_id == company.pk else None,
    )


def _row_of_reader(reader: User) -> Chip:
    """Among whom somebody is who has signed in."""
    return Chip.SET_UP if circumstances_of(reader).standing.has_app else Chip.LEFT


def _released(kind: int, *, demanded: bool) -> Outcome:
    """What the next login is to somebody of this kind whom neither company nor own switch asks."""
    standing = Standing(
        has_passkey=bool(kind & Kind.PASSKEY),
        passkey_requested=bool(kind & Kind.REQUESTED),
        must_have_factor=demanded and bool(kind & OPENS_SETTINGS),
    )
    return outcome(Circumstances(standing))
