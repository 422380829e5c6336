"""A forecast as the rows of a confirmation: a number that leads to these people, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.forecast import NO_KIND
from companies.listing.kinds import Chip, Kind
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from companies.forecast import Forecast, Outcomes, Release, SiteForecast
    from companies.models import Company

NEVER_IN = Kind.NEVER_SIGNED_IN


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


def asked_and_stuck(
    found: Outcomes,
    *,
    why: str = "",
    reader: Outcome | None = None,
    administrators: Mapping[Outcome, list[str]] | None = None,
) -> list[Row]:
    """Those whom the next login will ask to set something up, then those whom it will not let in: the same words whatever changes.

    `why` says of those who have signed in before what asks them; `reader` is what becomes of whoever reads this.
    """
    named = administrators or {}
    asked, never = found.count(Outcome.ASKED, without=NEVER_IN), found.count(Outcome.ASKED, having=NEVER_IN)
    said = [why, *_among(found, Outcome.ASKED, named, without=NEVER_IN)]
    return [
        Row(
            "wait",
            "clock",
            asked,
            ngettext(
                "will be asked to set it up at the next login, and cannot get in without it",
                "will be asked to set it up at their next login, and cannot get in without it",
                asked,
            ),
            _said(_yours() if reader is Outcome.ASKED else "", *said),
            show=Chip.LEFT if asked == found.count(without=NEVER_IN) else "",
        ),
        Row(
            "",
            "user-circle",
            never,
            ngettext("has never signed in", "have never signed in", never),
            ngettext("Is asked at the first login.", "They are asked at their first login.", never),
            show=Chip.LEFT_NEVER if never == found.count(having=NEVER_IN) else "",
        ),
        _stuck(found, reader, named),
    ]


def _stuck(found: Outcomes, reader: Outcome | None, named: Mapping[Outcome, list[str]]) -> Row:
    """Those whom the next login will not let in, and who can help."""
    number = found.count(Outcome.STUCK)
    others = number - (reader is Outcome.STUCK)
    give = ngettext("Give it from the user’s page.", "Give it from each user’s page.", others) if others > 0 else ""
    return Row(
        "bad",
        "no-symbol",
        number,
        ngettext(
            "cannot get in at the next login before an access pass is given, which the first set-up demands",
            "cannot get in at their next login before an access pass is given to each, which the first set-up demands",
            number,
        ),
        _said(
            _("You are one of them: have another administrator give you a pass before you sign out.")
            if reader is Outcome.STUCK
            else "",
            give,
            *_among(found, Outcome.STUCK, named),
        ),
    )


def rows_of(forecast: Forecast, company: Company) -> list[Row]:
    """Of 2FA that a company requires: all of them, then the parts that anybody is in."""
    everybody = ngettext(
        "person, and everybody who joins later", "people, and everybody who joins later", forecast.people
    )
    set_up = Row(
        "ok",
        "shield-check",
        forecast.set_up,
        ngettext("is set up and notices nothing", "are set up and notice nothing", forecast.set_up),
        _yours() if forecast.reader is Outcome.FREE else "",
        show=Chip.SET_UP,
    )
    left = asked_and_stuck(forecast.left, reader=forecast.reader, administrators=forecast.administrators)
    return _linked([Row("", "users", forecast.people, everybody), set_up, *left], company)


def rows_of_release(release: Release, company: Company) -> list[Row]:
    """The same of a company that no longer requires 2FA."""
    left, set_up = release.left, release.set_up
    free, never = left.count(Outcome.FREE, without=NEVER_IN), left.count(Outcome.FREE, having=NEVER_IN)
    reader = None if release.reader_is_set_up else release.reader
    asked = left.count(Outcome.ASKED, without=NEVER_IN)
    why = ngettext(
        "Opens the Settings app, where the whole site demands a factor.",
        "They open the Settings app, where the whole site demands a factor.",
        asked,
    )
    rows = [
        Row("", "users", release.people, ngettext("person", "people", release.people)),
        Row(
            "ok",
            "shield-check",
            set_up,
            ngettext("has set it up and keeps it", "have set it up and keep it", set_up),
            _yours() if release.reader_is_set_up else "",
            show=Chip.SET_UP,
        ),
        Row(
            "",
            "minus-circle",
            free,
            ngettext("is no longer asked to set it up", "are no longer asked to set it up", free),
            _yours() if reader is Outcome.FREE else "",
            show=Chip.LEFT if free == left.count(without=NEVER_IN) else "",
        ),
        Row(
            "",
            "user-circle",
            never,
            ngettext(
                "has never signed in, and is not asked at the first login",
                "have never signed in, and are not asked at their first login",
                never,
            ),
            show=Chip.LEFT_NEVER if never == left.count(having=NEVER_IN) else "",
        ),
        *asked_and_stuck(left, why=why, reader=reader),
    ]
    return _linked(rows, company)


def rows_of_demand(demand: SiteForecast) -> list[Row]:
    """The same of the rule for whoever opens the Settings app."""
    asked, free = demand.left.count(Outcome.ASKED, without=NEVER_IN), demand.left.count(Outcome.FREE)
    neither = ngettext("Has neither; one of them is enough.", "They have neither; one of them is enough.", asked)
    by_passkey = ngettext(
        "has a passkey and no app: it is asked for from now on, and the password alone opens nothing",
        "have a passkey and no app: it is asked for from now on, and the password alone opens nothing",
        free,
    )
    yours = _yours() if demand.reader is Outcome.FREE else ""
    rows = asked_and_stuck(demand.left, why=neither, reader=demand.reader)
    return present([*rows, Row("", "finger-print", free, by_passkey, yours)])


def rows_of_stuck(forecast: Forecast) -> list[Row]:
    """Of passes that are demanded: those alone who cannot get in without one."""
    return present([_stuck(forecast.left, forecast.reader, {})])


def present(rows: list[Row]) -> list[Row]:
    """The rows that anybody is in."""
    return [row for row in rows if row.number > 0]


def _linked(rows: list[Row], company: Company) -> list[Row]:
    """The same of a company's people, all of whom come first: a number leads to its people where a list has just these."""
    everyone, *parts = rows
    return [_leading(everyone, company), *(_leading(row, company) if row.show else row for row in present(parts))]


def _leading(row: Row, company: Company) -> Row:
    query = {"company": str(company.pk)} | ({"show": row.show} if row.show else {})
    return replace(row, address=f"{reverse('settings:users')}?{urlencode(query)}")


def _yours() -> str:
    return _("You are one of them.")


def _said(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _among(found: Outcomes, word: Outcome, named: Mapping[Outcome, list[str]], *, without: Kind = NO_KIND) -> list[str]:
    """Who is among those who come to `word`: administrators, and people whose account is locked."""
    said, names = [], named.get(word, [])
    number = found.count(word, having=Kind.COMPANY_ADMINISTRATOR, without=Kind.LOCKED)
    if names:
        more = number - len(names)
        all_named = ", ".join(names)
        named_all = all_named if more <= 0 else _("{names} and {more} more").format(names=all_named, more=more)
        text = ngettext("{named} is a company administrator.", "{named} are company administrators.", number)
        said.append(text.format(named=named_all))
    if locked := found.count(word, having=Kind.LOCKED, without=without):
        text = ngettext(
            "{number} is locked and comes in only after somebody has looked at the account.",
            "{number} are locked and come in only after somebody has looked at the accounts.",
            locked,
        )
        said.append(text.format(number=locked))
    return said
