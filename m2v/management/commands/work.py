"""Do what is handed to the queue, until SIGTERM: `make run` starts it beside the server."""

from __future__ import annotations

from contextlib import suppress
from threading import Thread
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from accounts.delivery import Delivery
from m2v.nightly import every_hour, every_minute
from m2v.server import end_with
from m2v.start import see_keys
from m2v.unfinished import keep_taking_up
from m2v.worker import repeat_sigterm

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Do what waits in the queue, and what comes, until SIGTERM or Ctrl-C; deliver the mail that is owed; keep the "
            "numbers of each day. What was interrupted goes on."
        )
        parser.add_argument("--parent", type=int, help=_("end with the process of this id, which started this one"))

    def handle(self, *args: object, parent: int | None, **options: object) -> None:
        if parent:
            Thread(target=end_with, args=(parent,), daemon=True).start()
        else:
            repeat_sigterm()
        if settings.METRICS:
            from m2v.metrics.counters import begin_to_count  # noqa: PLC0415  # the client is not loaded for nothing

            begin_to_count()
        see_keys()
        for beside in (keep_taking_up, every_minute, every_hour):
            Thread(target=beside, daemon=True).start()
        delivery = Delivery()
        delivery.start()
        try:
            with suppress(SystemExit):  # whoever is told to stop has done so, also where that broke something off
                call_command("db_worker", reload=False, startup_delay=False)
        finally:
            delivery.end()
