"""`manage.py audit_verify`: prove that the audit is as it was sealed, and seal its newest lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from audit.sealing import keys
from audit.sealing.checkpoints import Tampered, seal_lines
from audit.sealing.proof import verify

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Proves that no line of the audit was changed, removed or slipped in; names the first that was, and ends with "
            "exit code 1. Run it daily, and give it a checkpoint of yesterday’s log: lines of the last minute are under none, "
            "and nothing inside the database shows that its end was cut off, lines and checkpoints together."
        )
        parser.add_argument(
            "--checkpoint", default="", help=_("a checkpoint that the log knows, NUMBER:SHA256: it must be there still")
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checked = verify(options["checkpoint"])
            sealed = seal_lines()
        except Tampered as trouble:
            raise CommandError(str(trouble), returncode=1) from trouble
        looked = _("The audit is as it was sealed. Lines looked at: {lines}, checkpoints: {checkpoints}.")
        young = _("Lines of the last minutes under none: {unsealed}, of them sealed now: {sealed}.")
        newest = _("Newest checkpoint: {checkpoint}. Public key: {key}.")
        self.stdout.write(
            f"{looked.format(lines=checked.lines, checkpoints=checked.checkpoints)} "
            f"{young.format(unsealed=checked.unsealed, sealed=sealed or 0)}\n"
            f"{newest.format(checkpoint=checked.newest or _('none'), key=keys.public_key())}\n"
        )
