"""Bring database and static files to this version, before it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from m2v.start import see_keys_are_set
from m2v.upgrading import upgrade

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Migrate the database and collect the static files of this version, while the version before serves. Run it on "
            "every machine, at once if you like: one migrates, the others wait, and find nothing left to do."
        )

    def handle(self, *args: object, verbosity: int, **options: object) -> None:
        def say(sentence: str) -> None:
            if verbosity:
                self.stdout.write(sentence)
                self.stdout.flush()

        see_keys_are_set()
        found = upgrade(waits=lambda: say(_("Another upgrade of this database is going on: waiting for its end.")))
        upgraded = ngettext(
            "The database is upgraded, by {number} migration.",
            "The database is upgraded, by {number} migrations.",
            found.migrations,
        )
        if found.migrations:
            say(upgraded.format(number=found.migrations))
        elif found.lists:
            say(_("The lists are filled, and kept from here on."))
        else:
            say(_("The database is of this version already."))
        say(_("The static files of this version are in place."))
