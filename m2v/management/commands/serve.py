"""Serve the site, until SIGTERM: what `make run` does once all is prepared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import BaseCommand
from django.utils.translation import gettext as _

from audit.sealing import timing
from m2v.metrics.listener import counted_together
from m2v.server import serve
from m2v.start import see_keys, see_static_files
from m2v.worker import beside_the_server

if TYPE_CHECKING:
    from argparse import ArgumentParser


class Command(BaseCommand):
    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.description = _(
            "Serve the site at HOST and PORT, with WORKERS processes, until SIGTERM or Ctrl-C. It migrates nothing, and does "
            "not begin before `m2v upgrade` was run."
        )

    def handle(self, *args: object, **options: object) -> None:
        see_keys()
        see_static_files()
        timing.seal_all()
        try:
            with counted_together(), beside_the_server() as begin_to_end:
                serve(begin_to_end)
        finally:
            timing.seal_all()
