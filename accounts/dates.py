"""Dates as sentences say them: near ones by name, all others in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from datetime import date, datetime


def day(at: datetime) -> str:
    """ "today", "yesterday", or "3 May 2026"."""
    local = timezone.localtime(at)
    return _near(local) or date_format(local, _("j F Y"))


def moment(at: datetime) -> str:
    """ "today, 07:42", "yesterday, 16:20", "12 Oct 2026, 09:11"."""
    local = timezone.localtime(at)
    near = _near(local)
    return f"{near}, {local:%H:%M}" if near else full_moment(at)


def full_moment(at: datetime) -> str:
    """ "12 Oct 2026, 09:11": on paper too, where "today" is soon wrong."""
    local = timezone.localtime(at)
    return f"{date_format(local, _('j M Y'))}, {local:%H:%M}"


def _near(local: datetime) -> str:
    """The name of a day that has one."""
    days_ago = (timezone.localdate() - local.date()).days
    if days_ago == 0:
        return _("today")
    return _("yesterday") if days_ago == 1 else ""


def on_day(at: datetime) -> str:
    """ "today", or "on 3 May 2026": for the end of a sentence."""
    named = day(at)
    return named if named in {_("today"), _("yesterday")} else _("on {day}").format(day=named)


def heading(of: date) -> str:
    """ "Today, 24 November 2026", "3 May 2026": above what happened on a day."""
    days_ago = (timezone.localdate() - of).days
    name = {0: _("Today"), 1: _("Yesterday")}.get(days_ago)
    full = date_format(of, _("j F Y"))
    return f"{name}, {full}" if name else full


def span(first: datetime, last: datetime) -> str:
    """ "24 November 2026", "23 to 24 November 2026", or "30 October 2026 to 24 November 2026"."""
    began, ended = (timezone.localtime(at) for at in (first, last))
    full = date_format(ended, _("j F Y"))
    if began.date() == ended.date():
        return full
    same_month = (began.year, began.month) == (ended.year, ended.month)
    form = _("j") if same_month else _("j F Y")
    return _("{first} to {last}").format(first=date_format(began, form), last=full)
