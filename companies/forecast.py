"""Whom a company's rule will meet, counted before it is thrown: the policy asked about each kind of person there is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.db.models import Exists

from accounts.models import User
from companies.listing.kinds import OPENS_SETTINGS, Chip, Kind
from companies.models import Listing
from mfa.forecast import Circumstances, Outcome, outcome, requiring
from mfa.policy import Standing
from mfa.queries import CONFIRMED_APPS, circumstances_of, with_holdings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.db.models import QuerySet

    from companies.listing.numbers import Numbers
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


def of_requiring(company: Company, numbers: Numbers, *, viewer: User) -> Forecast:
    """What requiring 2FA of everybody in `company`, whose `numbers` are given, will do: a few statements, however many people there are."""
    kinds = {kind: n for kind, n in numbers.people.items() if kind & Kind.ACTIVE}
    cells = [(kind, company.pass_demanded, number) for kind, number in kinds.items()]
    reader = outcome(requiring(circumstances_of(viewer))) if viewer.company_id == company.pk else None
    forecast = of_people(cells, Listing.objects.filter(company=company), viewer=viewer)
    return replace(forecast, reader=reader)


def of_people(cells: Iterable[tuple[int, bool, int]], rows: QuerySet[Listing], *, viewer: User) -> Forecast:
    """The same of some people, who stand in these `rows` of the listing.

    `cells` say how many of them there are of each kind, in companies that demand an access pass or not. A kind does not
    tell whether a pass was given: of those few each is looked at.
    """
    cells = list(cells)
    left = [cell for cell in cells if not cell[0] & Kind.APP]
    never = sum(n for kind, _demanded, n in left if kind & Kind.NEVER_SIGNED_IN)
    need_pass = sum(n for kind, demanded, n in left if _of_kind(kind, demanded) is Outcome.STUCK)
    rows = rows.filter(kind__in={kind for kind, _demanded, _n in left})
    for person, kind in _given_passes(rows, viewer):
        need_pass -= _of_kind(kind, person.pass_demanded_by_company) is Outcome.STUCK
        need_pass += outcome(requiring(circumstances_of(person))) is Outcome.STUCK
    administering = {kind for kind, _demanded, _n in left if _administers(kind)}
    return Forecast(
        set_up=sum(n for _kind, _demanded, n in cells) - sum(n for _kind, _demanded, n in left),
        asked=sum(n for _kind, _demanded, n in left) - never,
        never_signed_in=never,
        need_pass=need_pass,
        locked=sum(n for kind, _demanded, n in left if kind & Kind.LOCKED),
        administrators=_names(rows.filter(kind__in=list(administering))) if administering else [],
        asked_administrators=sum(n for kind, _demanded, n in left if _administers(kind)),
        reader=None,
    )


def _administers(kind: int) -> bool:
    """Is somebody of this kind a company administrator whose account is open?"""
    return bool(kind & Kind.COMPANY_ADMINISTRATOR) and not kind & Kind.LOCKED


def _names(rows: QuerySet[Listing]) -> list[str]:
    """Some of these people by name."""
    people = User.objects.get_queryset().filter(pk__in=rows.order_by().values("person"))
    return [person.get_full_name() for person in people.order_by("search_text", "pk")[:ADMINISTRATORS_NAMED]]


def _given_passes(rows: QuerySet[Listing], viewer: User) -> Iterator[tuple[User, int]]:
    """Those in `rows` who were given a pass and have set nothing up since, and their kinds."""
    given = (
        User.objects.managed_by(viewer)
        .filter(~Exists(CONFIRMED_APPS), access_pass__isnull=False, is_active=True)
        .select_related("company")
    )
    found = {person.pk: person for person in with_holdings(given)}
    for person, kind in rows.filter(person__in=list(found)).values_list("person", "kind"):
        yield found[person], kind


def _of_kind(kind: int, pass_demanded: bool) -> Outcome:  # noqa: FBT001  # a cell's columns
    """What requiring 2FA means for somebody of this kind, once their account is open."""
    standing = Standing(
        two_factor_required=True,
        has_app=bool(kind & Kind.APP),
        has_passkey=bool(kind & Kind.PASSKEY),
        passkey_requested=bool(kind & Kind.REQUESTED),
        pass_demanded=pass_demanded,
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


def of_releasing(company: Company, numbers: Numbers, *, viewer: User) -> Release:
    """What it will do that `company`, whose `numbers` are given, no longer requires 2FA."""
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
