"""A forecast as the rows of a confirmation: a number that leads to these people, and what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.linked import joined, with_links
from companies.forecast import NO_KIND, Change
from companies.listing.kinds import Kind
from companies.listing.leads import people_of
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping

    from companies.forecast import Forecast, Outcomes, Release, SiteForecast
    from companies.listing.leads import Leads
    from companies.models import Company

NEVER_IN = Kind.NEVER_SIGNED_IN


@dataclass(frozen=True)
class Row:
    """Some people: tone, icon, how many, what becomes of them, what there is to add, and the list of just these."""

    tone: str
    icon: str
    number: int
    text: str
    more: str = ""
    address: str = ""


def asked_and_stuck(
    found: Outcomes,
    change: Change,
    leads: Leads,
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
    said = [why, *_among(found, Outcome.ASKED, named, _of(change, Outcome.ASKED), leads, without=NEVER_IN)]
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
            joined(_yours() if reader is Outcome.ASKED else "", *said),
            leads.to(_of(change, Outcome.ASKED), "signed_in"),
        ),
        Row(
            "",
            "user-circle",
            never,
            ngettext("has never signed in", "have never signed in", never),
            ngettext("Is asked at the first login.", "They are asked at their first login.", never),
            leads.to(_of(change, Outcome.ASKED), "never"),
        ),
        stuck(found, change, leads, reader, named),
    ]


def _of(change: Change, word: Outcome) -> str:
    """What holds of those who come to `word`."""
    return f"{change}.{word}"


def stuck(
    found: Outcomes,
    change: Change,
    leads: Leads,
    reader: Outcome | None = None,
    named: Mapping[Outcome, list[str]] | None = None,
) -> Row:
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
        joined(
            _("You are one of them: have another administrator give you a pass before you sign out.")
            if reader is Outcome.STUCK
            else "",
            give,
            *_among(found, Outcome.STUCK, named or {}, _of(change, Outcome.STUCK), leads),
        ),
        leads.to(_of(change, Outcome.STUCK)),
    )


def rows_of(forecast: Forecast, company: Company) -> list[Row]:
    """Of 2FA that a company requires: all of them, then the parts that anybody is in."""
    leads = people_of(company)
    everybody = ngettext(
        "person, and everybody who joins later", "people, and everybody who joins later", forecast.people
    )
    set_up = Row(
        "ok",
        "shield-check",
        forecast.set_up,
        ngettext("is set up and notices nothing", "are set up and notice nothing", forecast.set_up),
        _yours() if forecast.reader is Outcome.FREE else "",
        leads.set_up,
    )
    left = asked_and_stuck(
        forecast.left, Change.REQUIRED, leads, reader=forecast.reader, administrators=forecast.administrators
    )
    return [Row("", "users", forecast.people, everybody, address=leads.everybody), *present([set_up, *left])]


def rows_of_release(release: Release, company: Company) -> list[Row]:
    """The same of a company that no longer requires 2FA."""
    leads, left, set_up = people_of(company), release.left, release.set_up
    free, never = left.count(Outcome.FREE, without=NEVER_IN), left.count(Outcome.FREE, having=NEVER_IN)
    reader = None if release.reader_is_set_up else release.reader
    asked = left.count(Outcome.ASKED, without=NEVER_IN)
    why = ngettext(
        "Opens the Settings app, where the whole site demands a factor.",
        "They open the Settings app, where the whole site demands a factor.",
        asked,
    )
    people = ngettext("person", "people", release.people)
    rows = [
        Row(
            "ok",
            "shield-check",
            set_up,
            ngettext("has set it up and keeps it", "have set it up and keep it", set_up),
            _yours() if release.reader_is_set_up else "",
            leads.set_up,
        ),
        Row(
            "",
            "minus-circle",
            free,
            ngettext("is no longer asked to set it up", "are no longer asked to set it up", free),
            _yours() if reader is Outcome.FREE else "",
            leads.to(_of(Change.RELEASED, Outcome.FREE), "signed_in"),
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
            address=leads.to(_of(Change.RELEASED, Outcome.FREE), "never"),
        ),
        *asked_and_stuck(left, Change.RELEASED, leads, why=why, reader=reader),
    ]
    return [Row("", "users", release.people, people, address=leads.everybody), *present(rows)]


def rows_of_demand(demand: SiteForecast) -> list[Row]:
    """The same of the rule for whoever opens the Settings app."""
    leads = people_of(None)
    asked, free = demand.left.count(Outcome.ASKED, without=NEVER_IN), demand.left.count(Outcome.FREE)
    neither = ngettext("Has neither; one of them is enough.", "They have neither; one of them is enough.", asked)
    by_passkey = ngettext(
        "has a passkey and no app: it is asked for from now on, and the password alone opens nothing",
        "have a passkey and no app: it is asked for from now on, and the password alone opens nothing",
        free,
    )
    yours = _yours() if demand.reader is Outcome.FREE else ""
    rows = asked_and_stuck(demand.left, Change.DEMANDED, leads, why=neither, reader=demand.reader)
    address = leads.to(_of(Change.DEMANDED, Outcome.FREE))
    return present([*rows, Row("", "finger-print", free, by_passkey, yours, address)])


def rows_of_stuck(forecast: Forecast, company: Company) -> list[Row]:
    """Of passes that are demanded: those alone who cannot get in without one."""
    return present([stuck(forecast.left, Change.PASS_DEMANDED, people_of(company), forecast.reader)])


def present(rows: list[Row]) -> list[Row]:
    """The rows that anybody is in."""
    return [row for row in rows if row.number > 0]


def _yours() -> str:
    return _("You are one of them.")


def _among(
    found: Outcomes,
    word: Outcome,
    named: Mapping[Outcome, list[str]],
    condition: str,
    leads: Leads,
    *,
    without: Kind = NO_KIND,
) -> list[str]:
    """Who is among those of whom `condition` holds: administrators, and people whose account is locked."""
    said: list[str] = []
    names = named.get(word, [])
    number = found.count(word, having=Kind.COMPANY_ADMINISTRATOR, without=Kind.LOCKED)
    if names:
        named_all = ", ".join(names)
        if number > len(names):
            named_all = _("{names} and others").format(names=named_all)
        text = ngettext(
            "{number} of them is a company administrator: {named}.",
            "{number} of them are company administrators: {named}.",
            number,
        )
        said.append(with_links(text, number=leads.number(number, condition, "administering"), named=named_all))
    if locked := found.count(word, having=Kind.LOCKED, without=without):
        text = ngettext(
            "{number} is locked and gets in only after somebody has looked at the account.",
            "{number} are locked and get in only after somebody has looked at the accounts.",
            locked,
        )
        conditions = (condition, "locked", *(["signed_in"] if without else []))
        said.append(with_links(text, number=leads.number(locked, *conditions)))
    return said
