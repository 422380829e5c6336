"""What is owed is delivered: by threads of the worker, over one connection each, as often as it takes within three days.

A mail is delivered at least once, and never twice knowingly. Whoever takes some has a claim on them, which ends by
itself where a process was killed; before each mail it is renewed, so that of two who hold the same mail one sends it.
Each cause (whoever acted, or the address that the request came from) has its turn, and no two threads at a time: nobody's
mail waits behind what somebody else causes.
"""

from __future__ import annotations

import logging
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from secrets import randbelow
from smtplib import SMTPDataError, SMTPRecipientsRefused
from threading import Event, Lock, Thread
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

from django.core.mail import mailers
from django.db import InterfaceError, OperationalError, close_old_connections, connections, transaction
from django.db.models import F, Min, Q
from django.utils import timezone

from accounts.mail_models import MailFate, OwedMail
from accounts.owed import TOO_LONG, draft_of, waiting_mail

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend
    from django.db.models import QuerySet

AT_A_TIME = 20  # mails of one cause, before others have their turn
CAUSES = 200  # that are looked at for whose turn it is
# A mail takes a minute and a half at most: seven answers of the server, ten seconds each.
CLAIMED = timedelta(minutes=5)
SHORTEST_PAUSE, LONGEST_PAUSE = 60, 4 * 3600  # seconds until the next attempt
GIVEN_UP = timedelta(days=3)
MAIL_THREADS = 4
DUE_SECONDS = 1
SAID_SECONDS = 600  # between two lines of the log that mail waits for too long
AGAIN_SECONDS = 1  # where the database is away

OURS_TO_MEND = re.compile(rb"5\.[57]\.\d")

log = logging.getLogger("m2v.mail")


class MailServer:
    """A connection to the mail server: opened when there is something to send, and again after something went wrong."""

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def send(self, message: EmailMessage) -> None:
        """Raises whatever mail backends raise."""
        if self._connection is None:
            connection = mailers.default
            connection.open()
            self._connection = connection
        try:
            self._connection.send_messages([message])
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection:
                connection.close()
        except Exception as trouble:  # it may be gone already
            log.warning("The connection to the mail server broke: %s", trouble)


class Turns:
    """Whose turn it is: the cause that had none for the longest time."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: dict[str, float] = {}

    def take(self) -> list[OwedMail]:
        """Some mails of one cause, claimed; none where nothing is due, or others are at it."""
        with self._lock:
            waiting = due().exclude(cause__in=_held().values("cause")).values("cause")
            causes = [row["cause"] for row in waiting.annotate(first=Min("pk")).order_by("first")[:CAUSES]]
            self._last = {cause: self._last[cause] for cause in causes if cause in self._last}
            if not causes:
                return []
            cause = min(causes, key=lambda each: self._last.get(each, 0))
            self._last[cause] = monotonic()
            return _claimed(cause)


def due() -> QuerySet[OwedMail]:
    """What is to be delivered now, and nobody has claimed."""
    now = timezone.now()
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return OwedMail.objects.filter(free, ended_at=None, due_at__lte=now)


def _held() -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(ended_at=None, claimed_until__gt=timezone.now())


@transaction.atomic
def _claimed(cause: str) -> list[OwedMail]:
    mails = list(due().filter(cause=cause).select_for_update(skip_locked=True).order_by("pk")[:AT_A_TIME])
    claim, until = uuid4(), timezone.now() + CLAIMED
    OwedMail.objects.filter(pk__in=[mail.pk for mail in mails]).update(claim=claim, claimed_until=until)
    for mail in mails:
        mail.claim = claim
    return mails


def deliver_due(turns: Turns, stop: Event) -> None:
    """Deliver until nothing is due, or to stop. What was claimed and not come to is free for others then."""
    line = MailServer()
    try:
        while not stop.is_set() and (mails := turns.take()):
            try:
                for mail in mails:
                    if stop.is_set():
                        break
                    _deliver(mail, line, stop)
            finally:
                claimed = OwedMail.objects.filter(claim=mails[0].claim, ended_at=None)
                claimed.update(claim=None, claimed_until=None)
    finally:
        line.close()


def _deliver(mail: OwedMail, line: MailServer, stop: Event) -> None:
    now = timezone.now()
    if mail.expires_at and mail.expires_at <= now:
        log.warning("A mail is not sent any more: its link has ended.", extra={"fields": _named(mail)})
        _end(mail, MailFate.EXPIRED)
        return
    if _waits_for_another(mail):
        return
    claimed = _mine(mail).update(claimed_until=now + CLAIMED, attempts=F("attempts") + 1)
    if not claimed:  # this took so long that another has it
        return
    mail.attempts += 1
    try:
        line.send(draft_of(mail).message(mail.message_id))
    except Exception as trouble:  # whatever mail backends raise, and the making of a mail
        _try_again(mail, trouble)
    else:
        _until_it_is_kept(lambda: _end(mail, MailFate.DELIVERED), stop)


def _waits_for_another(mail: OwedMail) -> bool:
    """Is there a later one that says the same, or was one delivered a moment ago?"""
    if not mail.about:
        return False
    lately = timezone.now() - timedelta(seconds=mail.spaced)
    same = OwedMail.objects.filter(cause=mail.cause, about=mail.about)
    later = Q(pk__gt=mail.pk) & Q(fate__in=("", MailFate.DELIVERED))
    others = same.filter(later | Q(pk__lt=mail.pk, fate=MailFate.DELIVERED, ended_at__gt=lately))
    found = dict(others.values_list("pk", "ended_at"))
    if not found:
        return False
    if max(found) > mail.pk:
        _end(mail, MailFate.REPLACED)
    else:
        after = max(end for end in found.values() if end) + timedelta(seconds=mail.spaced)
        _mine(mail).update(due_at=after, claim=None, claimed_until=None)
    return True


def _mine(mail: OwedMail) -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(pk=mail.pk, claim=mail.claim, ended_at=None)


def _end(mail: OwedMail, fate: MailFate) -> None:
    """It is over, and nothing is left of what it says. Of one that was sent this is true whoever has claimed it since."""
    mails = OwedMail.objects.filter(pk=mail.pk) if fate == MailFate.DELIVERED else _mine(mail)
    mails.update(fate=fate, ended_at=timezone.now(), sealed=None, claim=None, claimed_until=None)


def _try_again(mail: OwedMail, trouble: Exception) -> None:
    """Later, unless it was refused for good, or for three days."""
    now = timezone.now()
    pause = min(SHORTEST_PAUSE * 2 ** min(mail.attempts - 1, 20), LONGEST_PAUSE)
    after = now + timedelta(seconds=pause * (90 + randbelow(21)) / 100)  # so that not all come at once
    said = {"fields": {**_named(mail), "why": _in_short(trouble), "attempts": mail.attempts}}
    if _for_good(trouble) or after > mail.created_at + GIVEN_UP:
        log.error("A mail was not delivered, and is given up.", extra=said)
        _end(mail, MailFate.FAILED)
        return
    log.warning("A mail was not delivered, and is tried again.", extra=said, exc_info=trouble)
    _mine(mail).update(due_at=after, claim=None, claimed_until=None)


def _for_good(trouble: Exception) -> bool:
    """Was it refused by a 5xx (RFC 5321, section 4.2.1) for what the mailbox is, and not for who we are?

    A refused sender, password, relay or policy (X.5 and X.7 of RFC 3463) is mended here, and the mail goes then.
    """
    if isinstance(trouble, SMTPRecipientsRefused):
        refusals: list[tuple[int, bytes | str]] = [*trouble.recipients.values()]
    elif isinstance(trouble, SMTPDataError):
        refusals = [(trouble.smtp_code, trouble.smtp_error)]
    else:
        return False
    return all(code >= 500 and not _is_ours_to_mend(said) for code, said in refusals)


def _is_ours_to_mend(said: bytes | str) -> bool:
    return bool(OURS_TO_MEND.match(said if isinstance(said, bytes) else said.encode()))


def _in_short(trouble: Exception) -> str:
    return f"{type(trouble).__name__}: {trouble}"[:300]


def _named(mail: OwedMail) -> dict[str, object]:
    return {"message_id": mail.message_id}


def _until_it_is_kept(keep: Callable[[], None], stop: Event) -> None:
    """That a mail was sent is known here alone until the database has it: nobody gives up while it is away."""
    while True:
        try:
            keep()
        except (OperationalError, InterfaceError):
            log.exception("The database is away, and a mail was delivered that it does not know of.")
            close_old_connections()
            if stop.wait(AGAIN_SECONDS):
                raise
        else:
            return


class Delivery:
    """Threads that deliver what is owed, until it is to end."""

    def __init__(self) -> None:
        self._stop, self._turns = Event(), Turns()
        self._threads = ThreadPoolExecutor(MAIL_THREADS, thread_name_prefix="mail")
        self._at_work: list[Future[None]] = []
        self._looker = Thread(target=self._look, daemon=True)
        self._said = float("-inf")

    def start(self) -> None:
        self._looker.start()

    def end(self) -> None:
        """Come to the end of the mails that are on their way, and take no others."""
        self._stop.set()
        self._looker.join()
        self._threads.shutdown()

    def _look(self) -> None:
        """Where something is due and a thread is free, have it begin."""
        while not self._stop.wait(DUE_SECONDS):
            close_old_connections()
            self._at_work = [each for each in self._at_work if not each.done()]
            try:
                if len(self._at_work) < MAIL_THREADS and due().exclude(cause__in=_held().values("cause")).exists():
                    self._at_work.append(self._threads.submit(self._deliver))
                self._say_what_waits()
            except Exception:
                log.exception("Nobody can look for mail that is owed.")
        connections.close_all()

    def _deliver(self) -> None:
        try:
            deliver_due(self._turns, self._stop)
        except Exception:  # the claims end by themselves
            log.exception("Mail could not be delivered.")
        finally:
            connections.close_all()

    def _say_what_waits(self) -> None:
        if monotonic() - self._said < SAID_SECONDS:
            return
        self._said = monotonic()
        waiting = waiting_mail()
        if waiting.longest > TOO_LONG:
            fields = {"number": waiting.number, "minutes": waiting.minutes}
            log.error("Mail waits for too long.", extra={"fields": fields})
