"""`manage.py audit_export FILE`: lines and checkpoints of the audit, for whoever is to prove them elsewhere."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit.sealing.export import exported

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Writes the audit’s lines and checkpoints as JSON lines, as they are stored. docs/check_audit.py proves them with "
            "the public key alone. The file says what people did, when and from where: keep it as you keep the database."
        )
        parser.add_argument("file", nargs="?", default="-", help=_("where to; standard output if not said"))

    def handle(self, *args: Any, **options: Any) -> None:
        if options["file"] == "-":
            sys.stdout.buffer.writelines(line + b"\n" for line in exported())
            return
        try:
            with Path(options["file"]).open("wb") as file:
                file.writelines(line + b"\n" for line in exported())
        except OSError as trouble:
            raise CommandError(_("This cannot be written: {why}").format(why=trouble)) from trouble
