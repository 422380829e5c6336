"""Keep the numbers of a day, for the overview: to be run once a day, soon after midnight."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from reporting.taking import NotYet, take_missing, take_snapshot

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Keep how many people of each kind each company had at the end of a day, and how often people signed in. "
            "Without a day: of yesterday, and of days that were missed. A day that is kept already stays as it is."
        )
        parser.add_argument(
            "--day", default="", help=_("a day as 2026-11-27; one that is over is worked out from the audit")
        )

    def handle(self, *args: object, **options: str) -> None:
        if not options["day"]:
            taken = take_missing()
        else:
            try:
                day = date.fromisoformat(options["day"])
                taken = [day] if take_snapshot(day) else []
            except NotYet as trouble:
                raise CommandError(_("This day has not begun.")) from trouble
            except (ValueError, OverflowError) as trouble:
                raise CommandError(_("A day is written as 2026-11-27.")) from trouble
        kept = _("Kept: {days}.").format(days=", ".join(map(str, taken)))
        self.stdout.write(kept if taken else _("These numbers are kept already."))
