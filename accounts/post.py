"""Mail on its way out, beside the request: nobody waits for a mail server, and its troubles end here, in the log.

There are two lanes of one thread each: letters, and circulars to many, which
hold no letter up. Whatever is handed over knows all that it says: nothing
here asks the database. What waits still is delivered before the process ends.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from email.utils import make_msgid
from threading import BoundedSemaphore
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import mailers

from accounts.domains import ascii_address

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)

MOST_WAITING = 500


class Lane:
    """One thread and the mail that waits for it, never more than `most` batches; what comes on top is dropped."""

    def __init__(self, name: str, most: int = MOST_WAITING) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix=f"post-{name}")
        self.room = BoundedSemaphore(most)

    def take(self, messages: Iterable[EmailMessage]) -> None:
        """Deliver `messages` as soon as the thread comes to it. Raises nothing."""
        if not settings.MAIL_IN_BACKGROUND:
            send(messages)
        elif not self.room.acquire(blocking=False):
            logger.error("Mail was dropped: too much of it is waiting for the mail server.")
        else:
            try:
                self.thread.submit(send, messages).add_done_callback(lambda _: self.room.release())
            except RuntimeError:  # the process is ending
                self.room.release()
                logger.exception("Mail was dropped.")


LETTERS, CIRCULARS = Lane("letters"), Lane("circulars")


def deliver(*messages: EmailMessage) -> None:
    """Have `messages` delivered soon. Returns at once, and raises nothing."""
    LETTERS.take(messages)


def deliver_to_many(messages: Iterable[EmailMessage]) -> None:
    """The same for any number of them; each is taken, and with a generator made, when its turn comes."""
    CIRCULARS.take(messages)


def send(messages: Iterable[EmailMessage]) -> None:
    """Deliver `messages` over one connection. One that is refused keeps none of the others; trouble is logged."""
    try:
        mailer = mailers.default
        with mailer as connection:
            for message in messages:
                try:
                    connection.send_messages([_addressed(message)])
                except Exception:  # whatever mail backends raise
                    logger.exception("A mail was not delivered.")
                    _renew(connection)
    except Exception:  # whatever mail backends raise
        logger.exception("Mail was not delivered.")


def _addressed(message: EmailMessage) -> EmailMessage:
    """`message` as a machine sends it: answered by none (RFC 3834; Exchange's own word too), numbered by the site."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    message.extra_headers.setdefault("Auto-Submitted", "auto-generated")
    message.extra_headers.setdefault("X-Auto-Response-Suppress", "All")
    message.extra_headers.setdefault("Message-ID", make_msgid(domain=host))
    message.to = [ascii_address(address) for address in message.to]
    return message


def _renew(connection: BaseEmailBackend) -> None:
    """Hang up and call again. Raises what the backend raises when nobody answers."""
    try:
        connection.close()
    except Exception as trouble:  # it may be gone already
        logger.warning("The connection to the mail server broke: %s", trouble)
    connection.open()
