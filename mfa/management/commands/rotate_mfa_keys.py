"""Seal what is sealed under an old key under the first one, while the site runs."""

from __future__ import annotations

import sys

from django.core.management.base import BaseCommand

from mfa.rotation import rotate


class Command(BaseCommand):
    help = (
        "Seal authenticator apps and recovery codes under the first key of MFA_ENCRYPTION_KEYS. "
        "Restart the site with the new key first; run it as often as you like."
    )

    def handle(self, *args: object, **options: object) -> None:
        rotation = rotate()
        for table, number in rotation.done.items():
            self.stdout.write(f"{table}: {number} sealed under {rotation.first}.\n")
        if not rotation.done.total():
            self.stdout.write(f"Nothing was to be done: everything readable is under {rotation.first}.\n")
        for row in rotation.unreadable:
            self.stderr.write(f"Cannot be read: {row}\n")
        free = ", ".join(rotation.free)
        self.stdout.write(f"Keys that can be removed now: {free or 'none'}.\n")
        if rotation.unreadable:
            self.stderr.write(f"{len(rotation.unreadable)} cannot be read with any key that is here.\n")
            sys.exit(1)
