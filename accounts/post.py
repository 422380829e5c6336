"""Mail on its way out, beside the request: nobody waits for a mail server, and its troubles end here, in the log.

Mail waits in a queue of its own for each cause: whoever acted, else where the
request came from. The queues take turns, and none has more than one of the
threads at a time, so that nobody's mail waits behind what another causes.
Nothing is dropped; of several about the same thing that wait, the last is
delivered. Whatever is handed over knows all that it says: nothing
here asks the database. What waits still is delivered before the process ends.
"""

from __future__ import annotations

import logging
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import make_msgid
from itertools import islice
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import mailers

from accounts.domains import ascii_address

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend

logger = logging.getLogger(__name__)

MANY = 500  # waiting in one queue: said in the log
AT_A_TIME = 20  # of a circular, before others have their turn


@dataclass
class Batch:
    """Mails that were handed over together, about one thing; "" is about nothing else."""

    messages: Iterator[EmailMessage]
    about: str = ""
    begun: bool = False


class Lane:
    """A few threads, and a queue of mail for each cause."""

    def __init__(self, name: str, threads: int) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix=f"post-{name}")
        self.lock = Lock()
        self.queues: OrderedDict[str, deque[Batch]] = OrderedDict()
        self.busy: set[str] = set()

    def take(self, messages: Iterable[EmailMessage], cause: str, about: str = "") -> None:
        """Deliver `messages` as soon as it is the turn of `cause`. Raises nothing."""
        if not settings.MAIL_IN_BACKGROUND:
            send(messages)
            return
        with self.lock:
            queue = self.queues.setdefault(cause, deque())
            earlier = next((batch for batch in queue if about and batch.about == about and not batch.begun), None)
            if earlier:
                queue.remove(earlier)
            queue.append(Batch(iter(messages), about))
            waiting = len(queue)
        if waiting % MANY == 0 and not earlier:
            logger.error("%d mails of one cause wait for the mail server.", waiting)
        try:
            self.threads.submit(self._work)
        except RuntimeError:  # the process is ending: nobody waits for an answer any more
            self._work()

    def _work(self) -> None:
        """Deliver as long as there is a queue that nobody else works at."""
        while turn := self._next():
            cause, batch = turn
            more = False
            try:
                now = list(islice(batch.messages, AT_A_TIME))
                send(now)
                more = len(now) == AT_A_TIME
            except Exception:  # whatever making one of many raises
                logger.exception("Mail was not delivered.")
            with self.lock:
                self.busy.discard(cause)
                if more:
                    self.queues.setdefault(cause, deque()).appendleft(batch)

    def _next(self) -> tuple[str, Batch] | None:
        """The first of the queue whose turn it is; the queue goes to the end of the line."""
        with self.lock:
            cause = next((cause for cause in self.queues if cause not in self.busy), None)
            if cause is None:
                return None
            queue = self.queues[cause]
            batch = queue.popleft()
            batch.begun = True
            self.queues.move_to_end(cause)
            if not queue:
                del self.queues[cause]
            self.busy.add(cause)
            return cause, batch


LETTERS, CIRCULARS = Lane("letters", threads=4), Lane("circulars", threads=2)


def deliver(*messages: EmailMessage, cause: str, about: str = "") -> None:
    """Have `messages`, which come of what `cause` did, delivered soon. Returns at once, and raises nothing.

    What waits still of the same cause and is `about` the same goes out once, as it was said last.
    """
    LETTERS.take(messages, cause, about)


def deliver_to_many(messages: Iterable[EmailMessage], *, cause: str, about: str = "") -> None:
    """The same for any number of them; each is taken, and with a generator made, when its turn comes."""
    CIRCULARS.take(messages, cause, about)


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
