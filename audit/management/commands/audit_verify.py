"""`manage.py audit_verify`: prove that the audit is as it was written, and seal its newest lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError

from audit.sealing.seals import seal_settled
from audit.sealing.verification import Tampered, verify

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    help = (
        "Proves that no line of the audit was changed, removed or slipped in; names the first that was, and ends with "
        "exit code 1. Run it daily, and give it a seal of yesterday's log: the youngest lines have no seal yet, and "
        "nothing inside the database shows that they, or the youngest seals with them, are gone."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--seal", default="", help="a seal that the log knows, NUMBER:DIGEST: it must be there still"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            checked = verify(options["seal"])
        except Tampered as trouble:
            raise CommandError(str(trouble), returncode=1) from trouble
        sealed = seal_settled()
        self.stdout.write(
            f"The audit is as it was written: {checked.lines} lines and {checked.seals} seals checked, "
            f"{checked.unsealed} lines without a seal, {sealed} of them sealed now."
        )
