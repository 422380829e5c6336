"""Write database and keys as two encrypted files, while the site is in use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from m2v.backups.age import Trouble
from m2v.backups.making import back_up

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Write the database and the keys, as they are at one moment, as two files into a folder, each encrypted to the "
            "public key of an age identity. Who holds the private key can read them; this machine cannot. Keep the two apart."
        )
        parser.add_argument("folder", type=Path)
        parser.add_argument("--recipient", action="append", required=True, help=_("age1…; more than one is possible"))
        parser.add_argument(
            "--keys-recipient", action="append", help=_("who reads the keys, where that is not the same; age1…")
        )

    def handle(self, *args: object, **options: Any) -> None:
        recipients = options["recipient"]
        try:
            made = back_up(options["folder"], to=recipients, keys_to=options["keys_recipient"] or recipients)
        except Trouble as trouble:
            raise CommandError(str(trouble)) from trouble
        for path in made:
            self.stdout.write(str(path))
