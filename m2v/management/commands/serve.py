"""Serve the site, until SIGTERM: what `make run` does once all is prepared."""

from django.core.management.base import BaseCommand

from audit.sealing import timing
from m2v.server import serve
from m2v.start import see_keys
from m2v.worker import worker_beside


class Command(BaseCommand):
    help = "Serve the site at HOST and PORT, with WORKERS processes, until SIGTERM or Ctrl-C."

    def handle(self, *args: object, **options: object) -> None:
        see_keys()
        timing.seal_all()
        try:
            with worker_beside():
                serve()
        finally:
            timing.seal_all()
