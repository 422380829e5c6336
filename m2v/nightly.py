"""What is done without anybody asking, beside the queue's worker: the numbers of the day that is over are kept, what
has run out is deleted, and other machines are told which keys this one has.

It looks every hour, and what is kept already costs it two questions. So it does not matter when the worker starts, how
many there are, or that one was away at midnight. Every minute it seals the lines of the audit that their own process
has not: it was killed, or the database was away.
"""

from __future__ import annotations

import logging
from time import sleep

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from accounts.keys_in_use import agree
from accounts.signing_keys import say_what_signs
from accounts.tidying import tidy
from audit.sealing.timing import seal_what_was_left
from reporting.taking import take_missing

EVERY_SECONDS = 3600
SEALS_EVERY = 60  # seconds

log = logging.getLogger("m2v.server")


def every_hour() -> None:
    """Keep what is to be kept and delete what is not, for as long as this process is there."""
    while True:
        once()
        delete_old()
        say_again_what_is_used()
        connections.close_all()  # it has a connection of its own, which is not needed for an hour
        sleep(EVERY_SECONDS)


def every_minute() -> None:
    """Seal what was left, for as long as this process is there."""
    while True:
        seal_what_was_left()
        connections.close_all()
        sleep(SEALS_EVERY)


def once() -> None:
    """The same, now. What fails is tried again in an hour."""
    try:
        take_missing()
    except Exception:
        log.exception("the numbers of a day could not be kept")


def delete_old() -> None:
    """What `manage.py tidy` deletes."""
    try:
        tidy()
    except Exception:
        log.exception("what has run out could not be deleted")


def say_again_what_is_used() -> None:
    """This machine is still in use, with its keys."""
    for say in (say_what_signs, agree):
        try:
            say()
        except ImproperlyConfigured:  # what serves already goes on
            log.exception("the machines of the site have different keys")
        except Exception:
            log.exception("which keys this machine uses could not be kept")
