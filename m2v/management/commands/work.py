"""Do what is handed to the queue, until SIGTERM: `make run` starts it beside the server."""

from __future__ import annotations

import logging
import signal
from contextlib import suppress
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import DatabaseError, InterfaceError, connections
from django.utils.translation import gettext as _

from accounts.away import is_away
from accounts.delivery import AGAIN_SECONDS, Delivery
from m2v.nightly import every_hour, every_minute
from m2v.server import end_with
from m2v.start import see_keys
from m2v.unfinished import keep_taking_up
from m2v.worker import repeat_sigterm

if TYPE_CHECKING:
    from argparse import ArgumentParser

log = logging.getLogger("m2v.server")


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
                take_until_stopped()
        finally:
            # Mails on their way have the time of a stop: it breaks off nothing more, and `repeat_sigterm` hears it still.
            signal.signal(signal.SIGTERM, lambda *_heard: None)
            delivery.end()


def take_until_stopped() -> None:
    """Take from the queue until this process is told to stop: while the database is away, too. To end then would be to
    forget that a mail was delivered which the database does not know of yet, and to deliver it again.
    """
    while True:
        try:
            call_command("db_worker", reload=False, startup_delay=False)
        except (DatabaseError, InterfaceError) as trouble:
            if not is_away(trouble) or was_stopped(trouble):
                raise
            log.exception("The database is away: the queue waits.")
            connections.close_all()
            sleep(AGAIN_SECONDS)
        else:
            return


def was_stopped(trouble: BaseException) -> bool:
    """Did it come while something was broken off, because this process was told to stop?"""
    before: BaseException | None = trouble
    while before is not None and not isinstance(before, SystemExit):
        before = before.__context__
    return before is not None
