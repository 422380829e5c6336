"""`manage.py budgets`: who has to wait before the next guess, and the end of a wait."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.management.reasons import reason_given
from accounts.throttle.waits import Nothing, Wait, current_waits, end_waits
from audit.recording import in_the_shell

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Show who has to wait now, after wrong guesses or too many mails: what was counted, how many, until when. "
            "`budgets clear NAME` ends the waits of one user, network, company or key; the audit says why, and all "
            "administrators are told by mail."
        )
        parser.add_argument("act", metavar="clear", nargs="?", default="", help=_("end the waits of NAME"))
        parser.add_argument(
            "name",
            metavar="NAME",
            nargs="?",
            default="",
            help=_("user name, e-mail or network address, company, or key"),
        )
        parser.add_argument("--reason", default="", help=_("why a wait is ended; kept in the audit"))

    def handle(self, *args: object, act: str, name: str, reason: str, **options: object) -> None:
        if act not in {"", "clear"}:
            raise CommandError(_("“{act}” is not an action of this command: say “clear”, or nothing.").format(act=act))
        if act:
            self._clear(name.strip(), reason)
            return
        found = current_waits()
        for wait in found:
            self.stdout.write(f"{wait.whose}: {wait.what}: {_said(wait)}")
        if not found:
            self.stdout.write(_("Nobody has to wait."))

    def _clear(self, name: str, reason: str) -> None:
        if not name:
            raise CommandError(_("Say whose wait is to end: as the list of “budgets” names them."))
        reason = reason_given(reason)
        try:
            with in_the_shell(reason):
                failures = end_waits(name)
        except Nothing as trouble:
            text = _("Nothing is counted of “{name}”. A network is one address, or an IPv6 /64.")
            raise CommandError(text.format(name=name)) from trouble
        text = ngettext(
            "{number} is forgotten: “{name}” does not have to wait.",
            "{number} are forgotten: “{name}” does not have to wait.",
            failures,
        )
        self.stdout.write(text.format(number=failures, name=name))


def _said(wait: Wait) -> str:
    number = ngettext("{number} counted", "{number} counted", wait.failures).format(number=wait.failures)
    if wait.for_good:
        return _("{number}, until it is cleared").format(number=number)
    until = timezone.localtime(datetime.fromtimestamp(wait.until, UTC))
    return _("{number}, until {time}").format(number=number, time=f"{until:%Y-%m-%d %H:%M:%S %Z}")
