"""Answer monitoring at METRICS: `manage.py serve` starts it beside the server."""

from __future__ import annotations

from threading import Thread
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils.translation import gettext as _

from m2v.metrics.listener import answer_until_stopped
from m2v.server import end_with

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Answer monitoring (Prometheus) at METRICS, until SIGTERM or Ctrl-C. The server starts it by itself."
        )
        parser.add_argument("--parent", type=int, help=_("end with the process of this id, which started this one"))

    def handle(self, *args: object, parent: int | None, **options: object) -> None:
        if not settings.METRICS:
            raise CommandError(_("METRICS is not set: there is no address to answer at."))
        if parent:
            Thread(target=end_with, args=(parent,), daemon=True).start()
        answer_until_stopped()
