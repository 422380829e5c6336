"""Fill what lists and searches of people read, from the people themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from companies.listing import upkeep

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Fill the lists of people in Administration again, from the people themselves, and have the database keep them "
            "so. Signing in waits meanwhile: a minute or two for a million people."
        )

    def handle(self, *args: object, **options: object) -> None:
        upkeep.put_in_place()
        self.stdout.write(_("The lists are filled, and kept from here on."))
