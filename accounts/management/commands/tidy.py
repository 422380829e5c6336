"""Delete what has run out, and seal the audit: which the worker does by itself (ASVS 14.2.7)."""

from __future__ import annotations

from django.core.management.base import BaseCommand

from accounts.tidying import tidy
from audit.sealing.checkpoints import seal_lines


class Command(BaseCommand):
    help = (
        "Delete sessions that have run out, and counts of guesses thirty days after the last guess. Failures at somebody's "
        "own password and codes stay until a success, an unlock or a reset; those at names that nobody has are kept alike."
    )

    def handle(self, *args: object, **options: object) -> None:
        deleted = ", ".join(tidy())
        self.stdout.write(f"{deleted} are deleted, {seal_lines() or 0} lines of the audit sealed.")
