"""Print BASE_URL: where people open the site."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _("Print where people open the site (BASE_URL).")

    def handle(self, *args: object, **options: object) -> None:
        self.stdout.write(settings.BASE_URL)
