"""Put a backup back, on a machine that has nothing yet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from m2v.backups.age import Trouble
from m2v.backups.restoring import restore

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Restore a backup into an empty database, after all of it was read and checked. Keys go to the files of DATA_DIR, "
            "unless settings say them already. Everybody signs in anew."
        )
        parser.add_argument("database", type=Path, help=_("the file that ends in .database.age"))
        parser.add_argument("keys", type=Path, help=_("the file of the same backup that ends in .keys.age"))
        parser.add_argument(
            "--identity", action="append", type=Path, required=True, help=_("a file with a private key")
        )

    def handle(self, *args: object, **options: Any) -> None:
        try:
            about = restore(options["database"], options["keys"], by=options["identity"])
        except (Trouble, OSError) as trouble:  # a full disk, a folder that is not ours
            raise CommandError(str(trouble)) from trouble
        text = _(
            "Restored as of {time}. Its audit is signed with the key whose public half is {key}: the log of that day says "
            "whether that is yours. Start the site, then run `manage.py audit_verify`."
        )
        self.stdout.write(text.format(time=about.made, key=about.audit))
