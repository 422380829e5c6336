"""Checks before the site serves: do its keys, its tables and this code fit together?

A process that cannot tell, because the database is away, starts anyway and answers 503 until it can (m2v.outage).
"""

from __future__ import annotations

import logging
from pathlib import Path
from threading import Lock
from time import monotonic

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connections
from django.utils.translation import gettext as _

from audit.sealing import keys
from companies.listing import upkeep
from m2v.storage import StaticStorage
from m2v.tables import missing_migrations

AGAIN_AFTER = 1.0  # seconds between two looks that did not find everything fit

log = logging.getLogger("m2v.start")


def is_of_this_version() -> bool:
    """Did an upgrade of this version come to its end? Lists are filled after all migrations."""
    return not missing_migrations() and upkeep.in_place()


def see_keys_are_set() -> None:
    """Make sure that no key was made here which the other machines do not know. Raises ImproperlyConfigured."""
    if settings.KEYS_NOT_SET:
        text = _(
            "Where DATABASE_URL is a server, these are set, the same on every machine: {names}. This machine made its own: "
            "they are in {folder}; set those, or make new ones where nobody has signed in yet."
        )
        raise ImproperlyConfigured(text.format(names=", ".join(settings.KEYS_NOT_SET), folder=settings.DATA_DIR))


def see_tables_and_keys() -> None:
    """Make sure that the tables are of this version, with a key for all in them. Raises ImproperlyConfigured."""
    see_keys_are_set()
    from accounts.keys_in_use import encryption_keys_fit  # noqa: PLC0415  # models are there once Django is set up
    from mfa.rotation import check_keys  # noqa: PLC0415  # the same

    if missing_migrations():
        raise ImproperlyConfigured(_("The database is not of this version. Run `m2v upgrade`."))
    check_keys()
    encryption_keys_fit()


class Fit:
    """Whether everything fits: checked until it does, then never again."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._looked, self._seen = float("-inf"), False

    def seen(self) -> bool:
        """Check again if the last check is a second old; what is wrong goes to the log."""
        if self._seen or not settings.CHECK_KEYS_AT_START:
            return True
        with self._lock:
            self._look_again()
        return self._seen

    def _look_again(self) -> None:
        if self._seen or monotonic() - self._looked < AGAIN_AFTER:
            return
        try:
            self.look()
        except ImproperlyConfigured:
            log.exception("not fit to serve")
        except (DatabaseError, InterfaceError):
            log.exception("the database is away")

    def look(self) -> None:
        """Check once. Raises ImproperlyConfigured if something does not fit, and DatabaseError if there is no answer."""
        self._looked = monotonic()
        see_tables_and_keys()
        if not upkeep.in_place():
            raise ImproperlyConfigured(_("The lists of people are not of this version. Run `m2v upgrade`."))
        self._seen = True


fit = Fit()


def see_keys() -> None:
    """Make sure that there are keys for everything that the database holds. Raises ImproperlyConfigured."""
    if not settings.CHECK_KEYS_AT_START:
        return
    log.info("the audit's public key", extra={"fields": {"public_key": keys.public_key()}})
    if settings.PASSKEYS_REFUSED:
        log.warning("no passkeys here", extra={"fields": {"why": settings.PASSKEYS_REFUSED}})
    try:
        fit.look()
        _agree_with_other_machines()
    except ImproperlyConfigured as trouble:
        log.critical("not fit to serve", exc_info=trouble)
        raise
    except (DatabaseError, InterfaceError):
        log.exception("the database is away: nothing is served before keys and database were seen to fit")
    finally:
        connections.close_all()


def _agree_with_other_machines() -> None:
    """Tell the others which keys this machine has, and the log where theirs are other ones.

    Raises ImproperlyConfigured where one cannot read what the other seals.
    """
    from accounts.keys_in_use import agree  # noqa: PLC0415  # models are there once Django is set up
    from accounts.signing_keys import say_what_signs  # noqa: PLC0415  # the same
    from m2v.other_machines import differences  # noqa: PLC0415  # the same

    agree()
    for found in differences():
        log.error("%s %s", found.said, found.hint)
    say_what_signs()


def see_static_files() -> None:
    """Make sure that the static files of this version are collected. Raises ImproperlyConfigured."""
    if not settings.DEBUG and not Path(settings.STATIC_ROOT, StaticStorage.manifest_name).is_file():
        raise ImproperlyConfigured(_("The static files of this version are not collected. Run `m2v upgrade`."))
