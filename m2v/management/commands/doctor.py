"""Look whether the installation is sound: keys, tables, and the lists that are kept beside the people."""

from __future__ import annotations

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError

from companies.listing import upkeep
from m2v.start import fit


class Command(BaseCommand):
    help = "Look whether keys, tables and lists fit together, and say what to do where they do not. Changes nothing."

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
