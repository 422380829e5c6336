"""Seal what is sealed under an old key under the first one, while the site runs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from mfa.rotation import rotate

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Seal authenticator apps and recovery codes under the first key of MFA_ENCRYPTION_KEYS. "
            "Restart the site with the new key first; run it as often as you like."
        )

    def handle(self, *args: object, **options: object) -> None:
        rotation = rotate()
        for table, number in rotation.done.items():
            text = _("{table}: {number} sealed under {key}.")
            self.stdout.write(text.format(table=table, number=number, key=rotation.first))
        if not rotation.done.total():
            text = _("Nothing was to be done: everything readable is under {key}.")
            self.stdout.write(text.format(key=rotation.first))
        for row in rotation.unreadable:
            self.stderr.write(_("Cannot be read: {row}").format(row=row))
        free = ", ".join(rotation.free)
        self.stdout.write(_("Keys that can be removed now: {keys}.").format(keys=free or _("none")))
        if rotation.unreadable:
            text = _("{number} cannot be read with any key that is here.")
            self.stderr.write(text.format(number=len(rotation.unreadable)))
            sys.exit(1)
