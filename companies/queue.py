"""What waits in the background, on the overview of the site's administrators: mail, work on many, and mail that failed.

It is said always, not only when something is wrong: whoever looks sees that it moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.background import given_up
from accounts.owed import TOO_LONG, failed_lately, waiting_mail
from accounts.waiting_tasks import waiting_tasks
from companies.models import BulkRun, Import

if TYPE_CHECKING:
    from datetime import timedelta

    from accounts.owed import Waiting
    from accounts.waiting_tasks import WaitingTasks


class Waits(NamedTuple):
    """One of them: its number and words, for how long, and what to do."""

    icon: str
    style: str
    number: int
    text: str
    hint: str


class Queue(NamedTuple):
    """All that waits now."""

    mail: Waiting
    tasks: WaitingTasks
    failed: int

    @property
    def lines(self) -> list[Waits]:
        return [_of_mail(self.mail), _of_tasks(self.tasks), _of_failed(self.failed)]


def queue() -> Queue:
    """As it stands."""
    return Queue(waiting_mail(), waiting_tasks(), failed_lately())


def work_given_up() -> int:
    """How many acts on many and imports were given up lately, because they failed again and again."""
    return sum(given_up(work) for work in (BulkRun, Import))


def _of_mail(mail: Waiting) -> Waits:
    text = ngettext("mail waits to be delivered", "mails wait to be delivered", mail.number)
    hint = _waited(mail.number - mail.refused, mail.minutes)
    if mail.refused:
        refused = ngettext(
            "{number} is refused by its own mailbox for now, and tried again for three days.",
            "{number} are refused by their own mailboxes for now, and tried again for three days.",
            mail.refused,
        )
        hint = (
            f"{hint} {refused.format(number=mail.refused)}"
            if mail.number > mail.refused
            else refused.format(number=mail.refused)
        )
    return Waits("envelope", _style(mail.longest), mail.number, text, hint)


def _of_tasks(tasks: WaitingTasks) -> Waits:
    text = ngettext("act on many people or import waits", "acts on many people or imports wait", tasks.number)
    return Waits("queue-list", _style(tasks.longest), tasks.number, text, _waited(tasks.number, tasks.minutes))


def _of_failed(failed: int) -> Waits:
    text = ngettext("mail was given up in the last three days", "mails were given up in the last three days", failed)
    hint = _("None was refused for good, or for three days.")
    if failed:
        hint = _(
            "The log of m2v.mail says which, and why. Correct the address on the person’s page, and send again what they "
            "need: an invitation, a password reset, a reminder."
        )
    return Waits("exclamation-circle", "icon wait" if failed else "icon", failed, text, hint)


def _waited(number: int, minutes: int) -> str:
    """For how long the first of them has, and what to do if that is long."""
    if not number:
        return _("Nothing waits.")
    if not minutes:
        return _("The first has waited for less than a minute.")
    hint = ngettext(
        "The first has waited for {number} minute.", "The first has waited for {number} minutes.", minutes
    ).format(number=minutes)
    if minutes * 60 < TOO_LONG.total_seconds():
        return hint
    return f"{hint} {_('Have somebody run “m2v doctor” on the server: it says what is wrong, and what to do.')}"


def _style(longest: timedelta) -> str:
    return "icon bad" if longest > TOO_LONG else "icon"
