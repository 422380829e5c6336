"""Mail is delivered beside the request: nobody waits for a mail server, and its failures end here, in the log.

Each cause has a queue of its own: whoever acted, or else the address that the request came from. The queues take
turns, and none uses more than one thread at a time, so that nobody's mail waits behind somebody else's. Nothing is
dropped; if several about the same thing are waiting, the last one is delivered, and a spaced one waits until enough
seconds have passed since the one before. Mails come complete: nothing here asks the database. Whatever is still
waiting is delivered before the process ends.
"""

from __future__ import annotations

import atexit
import logging
from collections import OrderedDict, deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from email.utils import make_msgid
from itertools import islice
from threading import Lock, Timer
from time import monotonic
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
    """Mails that were handed over together, about one thing; `about` is "" if no other can replace them."""

    messages: Iterator[EmailMessage]
    about: str = ""
    spaced: int = 0  # seconds until the next of the same cause about the same
    due: float = 0  # held until then (monotonic)
    begun: bool = False


class MailQueues:
    """A few threads, and a queue of mail for each cause."""

    def __init__(self, name: str, threads: int) -> None:
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix=f"post-{name}")
        self.lock = Lock()
        self.queues: OrderedDict[str, deque[Batch]] = OrderedDict()
        self.busy: set[str] = set()
        self.free: OrderedDict[tuple[str, str], float] = OrderedDict()  # when a cause may tell of a thing again
        self.held: dict[tuple[str, str], Batch] = {}  # until then
        self.timer: Timer | None = None

    def take(self, messages: Iterable[EmailMessage], cause: str, about: str = "", spaced: int = 0) -> None:
        """Deliver `messages` as soon as it is the turn of `cause`. Raises nothing."""
        if not settings.MAIL_IN_BACKGROUND:
            send(messages)
            return
        batch, key = Batch(iter(messages), about, spaced), (cause, about)
        with self.lock:
            now = monotonic()
            while self.free and next(iter(self.free.values())) <= now:
                self.free.popitem(last=False)
            batch.due = self.held[key].due if key in self.held else self.free.get(key, now)
            if spaced and (key in self.held or batch.due > now):
                self.held[key] = batch
                self._wake(now)
                return
            much = self._queue(batch, cause)
        if much:
            logger.error("%d mails of one cause wait for the mail server.", much)
        self._start()

    def hurry(self) -> None:
        """Deliver now what is held back."""
        self._release(float("inf"))

    def _queue(self, batch: Batch, cause: str) -> int:
        """Queue `batch` for `cause`, replacing an earlier one about the same; the queue's length if it is worth a
        warning."""
        queue = self.queues.setdefault(cause, deque())
        same = (each for each in queue if each.about == batch.about and not each.begun)
        earlier = next(same, None) if batch.about else None
        if earlier:
            queue.remove(earlier)
        queue.append(batch)
        if batch.spaced:
            self.free[cause, batch.about] = monotonic() + batch.spaced
            self.free.move_to_end((cause, batch.about))
        return 0 if earlier or len(queue) % MANY else len(queue)

    def _start(self) -> None:
        try:
            self.threads.submit(self._work)
        except RuntimeError:  # the process is ending: nobody waits for an answer any more
            self._work()

    def _wake(self, now: float) -> None:
        """Wake up when the first of the held batches is due."""
        if self.held and self.timer is None:
            first = min(batch.due for batch in self.held.values())
            self.timer = Timer(max(0.0, first - now), lambda: self._release(monotonic()))
            self.timer.daemon = True  # nobody waits for it: the end of the process has `hurry`
            self.timer.start()

    def _release(self, until: float) -> None:
        """Queue what was held until `until` or earlier."""
        with self.lock:
            if self.timer:
                self.timer.cancel()
            self.timer = None
            for key in [key for key, batch in self.held.items() if batch.due <= until]:
                self._queue(self.held.pop(key), key[0])
            self._wake(monotonic())
        self._start()

    def _work(self) -> None:
        """Deliver as long as there is a queue that no other thread is working on."""
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
        """The first batch of the queue whose turn it is; the queue goes to the end of the line."""
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


LETTERS, CIRCULARS = MailQueues("letters", threads=4), MailQueues("circulars", threads=2)


def hurry() -> None:
    """Deliver now what is held back, because this process ends. The server's workers, which end otherwise, call it too."""
    LETTERS.hurry()
    CIRCULARS.hurry()


atexit.register(hurry)


def deliver(*messages: EmailMessage, cause: str, about: str = "", spaced: int = 0) -> None:
    """Have `messages`, caused by `cause`, delivered soon. Returns at once and raises nothing.

    If several of one cause are waiting `about` the same thing, only the last goes out. With `spaced`, the first goes
    at once, and what follows within so many seconds waits until they are over.
    """
    LETTERS.take(messages, cause, about, spaced)


def deliver_to_many(messages: Iterable[EmailMessage], *, cause: str, about: str = "", spaced: int = 0) -> None:
    """The same for any number of mails; with a generator, each is made when its turn comes."""
    CIRCULARS.take(messages, cause, about, spaced)


def send(messages: Iterable[EmailMessage]) -> None:
    """Deliver `messages` over one connection. If one is refused, the others still go; failures are logged."""
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
    """`message` with a Message-ID of this site, and marked as automatic: no absence note answers it (RFC 3834)."""
    host = urlsplit(settings.BASE_URL).hostname or "localhost"
    message.extra_headers.setdefault("Auto-Submitted", "auto-generated")
    message.extra_headers.setdefault("X-Auto-Response-Suppress", "All")
    message.extra_headers.setdefault("Message-ID", make_msgid(domain=host))
    message.to = [ascii_address(address) for address in message.to]
    return message


def _renew(connection: BaseEmailBackend) -> None:
    """Reconnect. Raises what the backend raises if nobody answers."""
    try:
        connection.close()
    except Exception as trouble:  # it may be gone already
        logger.warning("The connection to the mail server broke: %s", trouble)
    connection.open()
