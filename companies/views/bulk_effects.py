"""What an act on many will do, as rows: how many, and what becomes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from companies.listing.kinds import Kind
from companies.views.forecast import Row, asked_and_stuck, present
from mfa.forecast import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from companies.bulk.counts import Counts
    from companies.forecast import Forecast, Outcomes


def effects(act: str, counts: Counts, forecast: Forecast | None, off: Outcomes | None) -> list[Row]:
    """The rows that anybody is in. `forecast` is that of requiring 2FA, `off` that of switching it off."""
    if forecast:
        return present(_required(forecast))
    return present(_switched_off(counts, off) if off else ROWS[act](counts))


def _required(forecast: Forecast) -> list[Row]:
    stays = ngettext("is set up and notices nothing", "are set up and notice nothing", forecast.set_up)
    return [*asked_and_stuck(forecast.left), Row("ok", "shield-check", forecast.set_up, stays)]


def _switched_off(counts: Counts, off: Outcomes) -> list[Row]:
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
        Row("bad", "trash", lost, loses),
        Row("", "key", free, no_longer),
        *asked_and_stuck(off, why=why),
    ]


def _asked_for_passkey(counts: Counts) -> list[Row]:
    number, having = counts.changes, counts.of(Kind.PASSKEY)
    text = ngettext(
        "will be asked for a passkey at the next login", "will be asked for a passkey at their next login", number
    )
    more = ngettext(
        "{number} of them has one already, and is asked for one more.",
        "{number} of them have one already, and are asked for one more.",
        having,
    )
    return [Row("wait", "finger-print", number, text, more.format(number=having) if having else "")]


def _reminded(counts: Counts) -> list[Row]:
    text = ngettext(
        "gets a mail that says what the next login asks for, and how it goes",
        "get a mail that says what the next login asks for, and how it goes",
        counts.changes,
    )
    return [Row("", "envelope", counts.changes, text, _("Nobody is reminded more than once a day."))]


def _request_withdrawn(counts: Counts) -> list[Row]:
    text = ngettext("is no longer asked for a passkey", "are no longer asked for a passkey", counts.changes)
    return [Row("", "x-circle", counts.changes, text)]


def _signed_out(counts: Counts) -> list[Row]:
    number = counts.changes
    text = ngettext("is signed out everywhere at once", "are signed out everywhere at once", number)
    more = _("They can sign in again right away.")
    return [Row("bad", "arrow-left-start-on-rectangle", number, text, more)]


def _deactivated(counts: Counts) -> list[Row]:
    text = ngettext(
        "is signed out everywhere at once and cannot sign in",
        "are signed out everywhere at once and cannot sign in",
        counts.changes,
    )
    return [Row("bad", "no-symbol", counts.changes, text, _("What they set up stays, for the day they come back."))]


ROWS: dict[str, Callable[[Counts], list[Row]]] = {
    "request": _asked_for_passkey,
    "remind": _reminded,
    "withdraw": _request_withdrawn,
    "sign_out": _signed_out,
    "deactivate": _deactivated,
}
