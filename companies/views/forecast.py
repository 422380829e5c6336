"""A forecast as the rows of a confirmation: a number that leads to these people, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.listing.kinds import Chip
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from companies.forecast import Forecast, Release
    from companies.models import Company


@dataclass(frozen=True)
class Row:
    """Some people: tone, icon, how many, what becomes of them, and what there is to add; `show` lists just these."""

    tone: str
    icon: str
    number: int
    text: str
    more: str = ""
    show: str = ""
    address: str = ""


def rows_of(forecast: Forecast, company: Company) -> list[Row]:
    """All of them, then the parts that anybody is in."""
    everybody = ngettext(
        "person, and everybody who joins later", "people, and everybody who joins later", forecast.people
    )
    parts = [
        Row(
            "ok",
            "shield-check",
            forecast.set_up,
            ngettext("is set up and notices nothing", "are set up and notice nothing", forecast.set_up),
            _("You are one of them.") if forecast.reader is Outcome.FREE else "",
            show=Chip.SET_UP,
        ),
        Row(
            "wait",
            "clock",
            forecast.asked,
            ngettext(
                "will be asked to set it up at the next login, and cannot get in without it",
                "will be asked to set it up at their next login, and cannot get in without it",
                forecast.asked,
            ),
            _among_them(forecast),
            show=Chip.LEFT,
        ),
        Row(
            "",
            "user-circle",
            forecast.never_signed_in,
            ngettext("has never signed in", "have never signed in", forecast.never_signed_in),
            ngettext("Is asked at the first login.", "They are asked at their first login.", forecast.never_signed_in),
            show=Chip.LEFT_NEVER,
        ),
    ]
    everyone = Row("", "users", forecast.people, everybody)
    return [_linked(row, company) for row in (everyone, *(part for part in parts if part.number))]


def rows_of_release(release: Release, company: Company) -> list[Row]:
    """The same of a company that no longer requires 2FA."""
    everyone = Row("", "users", release.people, ngettext("person", "people", release.people))
    parts = [
        Row(
            "ok",
            "shield-check",
            release.set_up,
            ngettext("has set it up and keeps it", "have set it up and keep it", release.set_up),
            _reader_in(Chip.SET_UP, release),
            show=Chip.SET_UP,
        ),
        Row(
            "",
            "minus-circle",
            release.left,
            ngettext(
                "is no longer asked and signs in with user name and password",
                "are no longer asked and sign in with user name and password",
                release.left,
            ),
            " ".join(filter(None, (_reader_in(Chip.LEFT, release), _still_asked(release.by_site)))),
            show=Chip.LEFT,
        ),
        Row(
            "",
            "user-circle",
            release.left_never,
            ngettext(
                "has never signed in, and is not asked at the first login",
                "have never signed in, and are not asked at their first login",
                release.left_never,
            ),
            _still_asked(release.by_site_never),
            show=Chip.LEFT_NEVER,
        ),
    ]
    return [_linked(row, company) for row in (everyone, *(part for part in parts if part.number))]


def _reader_in(place: Chip, release: Release) -> str:
    return _("You are one of them.") if release.reader is place else ""


def _still_asked(number: int) -> str:
    """Whom the site's rule asks, whatever the company says."""
    if not number:
        return ""
    text = ngettext(
        "{number} of them opens the Settings app, and is asked still: the whole site demands a factor there.",
        "{number} of them open the Settings app, and are asked still: the whole site demands a factor there.",
        number,
    )
    return text.format(number=number)


def _linked(row: Row, company: Company) -> Row:
    query = {"company": str(company.pk)} | ({"show": row.show} if row.show else {})
    return replace(row, address=f"{reverse('settings:users')}?{urlencode(query)}")


def _among_them(forecast: Forecast) -> str:
    """Who is among those who are asked: whoever reads this, administrators, people whose account is locked."""
    said = [_("You are one of them.")] if forecast.reader is Outcome.ASKED else []
    names, number = forecast.administrators, forecast.asked_administrators
    if number:
        more = number - len(names)
        named = ", ".join(names) if not more else _("{names} and {more} more").format(names=", ".join(names), more=more)
        text = ngettext("{named} is a company administrator.", "{named} are company administrators.", number)
        said.append(text.format(named=named))
    if forecast.locked:
        text = ngettext(
            "{number} is locked and comes in only after somebody has looked at the account.",
            "{number} are locked and come in only after somebody has looked at the accounts.",
            forecast.locked,
        )
        said.append(text.format(number=forecast.locked))
    return " ".join(said)


def lock_out(forecast: Forecast) -> str:
    """Who would not get in for want of a pass; "" where nobody is locked out."""
    if not forecast.need_pass:
        return ""
    text = _(
        "{number} cannot go on before you give them an access pass: this company demands one for the first set-up."
    )
    return text.format(number=forecast.need_pass)
