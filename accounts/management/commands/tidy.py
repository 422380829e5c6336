"""Delete what has run out, and seal the audit: which the worker does by itself (ASVS 14.2.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from accounts.tidying import tidy
from audit.sealing.checkpoints import Tampered, seal_lines

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Delete what has run out, as the worker does every hour, say how much of each, and seal the audit. Failures at "
            "somebody’s own password and codes stay until a success, an unlock or a reset; those at names that nobody has are "
            "kept alike."
        )

    def handle(self, *args: object, **options: object) -> None:
        deleted = ", ".join(tidy())
        try:
            sealed = seal_lines() or 0
        except Tampered as trouble:
            raise CommandError(str(trouble)) from trouble
        text = _("{deleted} are deleted, {lines} lines of the audit sealed.")
        self.stdout.write(text.format(deleted=deleted, lines=sealed))
