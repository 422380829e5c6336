"""Look whether the installation is sound: keys, tables, the lists that are kept beside the people, and the mail."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from accounts.owed import failed_lately, waiting_mail
from companies.listing import upkeep
from m2v.start import fit


class Command(BaseCommand):
    help = (
        "Look whether keys, tables and lists fit together and mail is delivered, and say what to do where not. "
        "Changes nothing."
    )

    def handle(self, *args: object, **options: object) -> None:
        try:
            fit.look()
        except ImproperlyConfigured as trouble:
            raise CommandError(str(trouble)) from trouble
        self.stdout.write("Keys and tables fit.")
        if not upkeep.in_place():
            raise CommandError("Nothing keeps the lists of people. Run `manage.py refill_lists`.")
        found = upkeep.differences()
        if any(found.values()):
            said = f"Of the lists of people, {found['people']} rows and {found['numbers']} numbers are wrong."
            raise CommandError(f"{said} Run `manage.py refill_lists`.")
        self.stdout.write("The lists of people are right.")
        self._look_at_mail()

    def _look_at_mail(self) -> None:
        waiting = waiting_mail()
        self.stdout.write(f"Mail: {waiting.number} waiting, {failed_lately()} given up in the last three days.")
        if waiting.too_long:
            raise CommandError(
                f"Mail has waited for {waiting.minutes} minutes. See that `manage.py work` runs (`manage.py serve` starts "
                "it), that the mail server of EMAIL_URL answers, and what the log says of m2v.mail."
            )
