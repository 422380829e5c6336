"""What an act on many will do, as rows: how many, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.linked import with_links
from companies.forecast import Change, Forecast
from companies.listing.kinds import Kind
from companies.listing.narrowing import GETS_IN
from companies.views.forecast import Row, asked_and_stuck, present, stuck
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from companies.bulk.counts import Counts
    from companies.forecast import Outcomes
    from companies.listing.leads import Leads


def effects(act: str, counts: Counts, then: Forecast | Outcomes | None, leads: Leads) -> list[Row]:
    """The rows that anybody is in. `then` is what becomes of them, where the act changes it; `leads` to those who are changed."""
    if isinstance(then, Forecast):
        return present(_required(then, leads))
    if then is None:
        return present(ROWS[act](counts, leads))
    return present(_switched_off(counts, then, leads) if act == "stop" else _asked_for_passkey(counts, then, leads))


def _required(forecast: Forecast, leads: Leads) -> list[Row]:
    stays = ngettext("is set up and notices nothing", "are set up and notice nothing", forecast.set_up)
    set_up = Row("ok", "shield-check", forecast.set_up, stays, address=leads.to("app"))
    return [*asked_and_stuck(forecast.left, Change.REQUIRED, leads), set_up]


def _switched_off(counts: Counts, off: Outcomes, leads: Leads) -> list[Row]:
    lost, free = counts.loses, off.count(Outcome.FREE)
    loses = ngettext(
        "loses the authenticator app and the recovery codes that are set up",
        "lose the authenticator app and the recovery codes that they have set up",
        lost,
    )
    no_longer = ngettext(
        "is no longer asked to set up two-factor authentication",
        "are no longer asked to set up two-factor authentication",
        free,
    )
    why = _("A rule of the company or the site requires it.")
    return [
        Row("bad", "trash", lost, loses, address=leads.to("app")),
        Row("", "key", free, no_longer, address=leads.to(f"{Change.OFF}.{Outcome.FREE}")),
        *asked_and_stuck(off, Change.OFF, leads, why=why),
    ]


def _asked_for_passkey(counts: Counts, found: Outcomes, leads: Leads) -> list[Row]:
    outside = stuck(found, Change.NONE, leads)
    number, having = counts.changes - outside.number, counts.of(Kind.PASSKEY)
    text = ngettext(
        "will be asked for a passkey at the next login", "will be asked for a passkey at their next login", number
    )
    more = ngettext(
        "{number} of them has one already, and is asked for one more.",
        "{number} of them have one already, and are asked for one more.",
        having,
    )
    already = with_links(more, number=leads.number(having, "passkey")) if having else ""
    return [Row("wait", "finger-print", number, text, already, leads.to(GETS_IN)), outside]


def _reminded(counts: Counts, leads: Leads) -> list[Row]:
    text = ngettext(
        "gets a mail that says what the next login asks for, and how it goes",
        "get a mail that says what the next login asks for, and how it goes",
        counts.changes,
    )
    return [Row("", "envelope", counts.changes, text, _("Nobody is reminded more than once a day."), leads.to())]


def _request_withdrawn(counts: Counts, leads: Leads) -> list[Row]:
    text = ngettext("is no longer asked for a passkey", "are no longer asked for a passkey", counts.changes)
    return [Row("", "x-circle", counts.changes, text, address=leads.to())]


def _signed_out(counts: Counts, leads: Leads) -> list[Row]:
    number = counts.changes
    text = ngettext("is signed out everywhere at once", "are signed out everywhere at once", number)
    more = _("They can sign in again right away.")
    return [Row("bad", "arrow-left-start-on-rectangle", number, text, more, leads.to())]


def _deactivated(counts: Counts, leads: Leads) -> list[Row]:
    text = ngettext(
        "is signed out everywhere at once and cannot sign in",
        "are signed out everywhere at once and cannot sign in",
        counts.changes,
    )
    more = _("What they set up stays, for the day they come back.")
    return [Row("bad", "no-symbol", counts.changes, text, more, leads.to())]


ROWS: dict[str, Callable[[Counts, Leads], list[Row]]] = {
    "remind": _reminded,
    "withdraw": _request_withdrawn,
    "sign_out": _signed_out,
    "deactivate": _deactivated,
}
