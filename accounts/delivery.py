"""What is owed is delivered: by threads of the worker, over one connection each, as often as it takes within three days.

A mail is delivered at least once, and never twice knowingly. Whoever takes some has a claim on them, which ends by
itself where a process was killed; before each mail it is renewed, so that of two who hold the same mail one sends it.
Each cause (whoever acted, or the address that the request came from) has its turn, and no two threads at a time: nobody's
mail waits behind what somebody else causes.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from secrets import randbelow
from smtplib import SMTPResponseException
from threading import Event, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.core.mail import mailers
from django.db import DatabaseError, InterfaceError, close_old_connections, connections
from django.db.models import F
from django.utils import timezone

from accounts import addresses, invitations
from accounts.away import is_away
from accounts.clock import APART
from accounts.mail_models import MailFate, OwedMail
from accounts.mail_refusals import is_for_good, is_of_the_mailbox
from accounts.mail_turns import CLAIMED, LONGEST_PAUSE, SHORTEST_PAUSE, UNEVEN, Turns, give_back, put_right
from accounts.owed import TOO_LONG, draft_of, longest_wait, waiting_mail
from accounts.smtp import one_delivery

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from datetime import datetime

    from django.core.mail import EmailMessage
    from django.core.mail.backends.base import BaseEmailBackend
    from django.db.models import QuerySet

    from accounts.owed import Draft

GIVEN_UP = timedelta(days=3)
MAIL_THREADS = 4
DUE_SECONDS = 1
SAID_SECONDS = 600  # between two lines of the log that mail waits for too long
PUT_RIGHT_SECONDS = 60  # between two looks for what a clock that ran ahead has left
AGAIN_SECONDS = 1  # where the database is away
LINE_IS_CLOSED = 421  # what a mail server says before it does so (RFC 5321, section 3.8)

# Of mails that are of no use without what their link opens: whether it does still.
LINKS: dict[tuple[str, ...], Callable[[str], bool]] = {
    invitations.INVITATION_MAIL: invitations.invitation_opens,
    invitations.RESET_MAIL: invitations.reset_opens,
    addresses.ADDRESS_MAIL: addresses.opens,
}

log = logging.getLogger("m2v.mail")


class MailServer:
    """A connection to the mail server: opened when there is something to send, and again after something went wrong."""

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None

    def send(self, message: EmailMessage) -> None:
        """Raises whatever mail backends raise."""
        try:
            with one_delivery():
                self._send(message)
        except BaseException:
            self.close()
            raise

    def _send(self, message: EmailMessage) -> None:
        was_open = self._connection is not None
        try:
            self._send_once(message)
        except SMTPResponseException as trouble:
            if not was_open or trouble.smtp_code != LINE_IS_CLOSED:
                raise
            self.close()  # it had as many mails as that server takes of one line
            self._send_once(message)

    def _send_once(self, message: EmailMessage) -> None:
        if self._connection is None:
            self._connection = mailers.default
            self._connection.open()
        self._connection.send_messages([message])

    def close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection:
                connection.close()
        except Exception as trouble:  # it may be gone already
            log.warning("The connection to the mail server broke: %s", trouble)


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
                give_back(mails)
    finally:
        line.close()


def _deliver(mail: OwedMail, line: MailServer, stop: Event) -> None:
    now = timezone.now()
    if mail.expires_at and mail.expires_at <= now:
        _expire(mail)
        return
    if _waits_for_another(mail):
        return
    claimed = _mine(mail).update(claimed_until=now + CLAIMED, attempts=F("attempts") + 1)
    if not claimed:  # this took so long that another has it
        return
    mail.attempts += 1
    try:
        draft = draft_of(mail)
        if not _opens(draft):
            _expire(mail)
            return
        line.send(draft.message(mail.message_id))
    except Exception as trouble:  # whatever mail backends raise, and the making of a mail
        _try_again(mail, trouble)
    else:
        _until_it_is_kept(lambda: _end(mail, MailFate.DELIVERED), stop)
        _replace_earlier(mail)


def _opens(draft: Draft) -> bool:
    """Is its link, if it has one, good for something still? An act may have ended it since."""
    opens, link = LINKS.get(tuple(draft.templates)), draft.words.get("link")
    return not (opens and link) or opens(link)


def _expire(mail: OwedMail) -> None:
    log.warning("A mail is not sent any more: its link has ended.", extra={"fields": _named(mail)})
    _end(mail, MailFate.EXPIRED)


def _waits_for_another(mail: OwedMail) -> bool:
    """Is there a later one that says the same, or was one delivered a moment ago?

    An earlier one is over once a later one is delivered, and not before: that may yet be refused, or expire.
    """
    if not mail.about:
        return False
    now = timezone.now()
    later = _alike(mail).filter(pk__gt=mail.pk, fate__in=("", MailFate.DELIVERED)).order_by("pk").last()
    if later is None:
        return bool(mail.spaced) and _is_too_soon(mail, now)
    if later.fate == MailFate.DELIVERED:
        _end(mail, MailFate.REPLACED)
    else:
        after = max(later.due_at, now) + timedelta(seconds=SHORTEST_PAUSE)
        _put_off(mail, due_at=after, mailbox_refuses=later.mailbox_refuses)
    return True


def _is_too_soon(mail: OwedMail, now: datetime) -> bool:
    """Put it off if one that says the same was delivered within its time. A clock that ran ahead makes nobody wait."""
    time = timedelta(seconds=mail.spaced)
    lately = {"ended_at__gt": now - time, "ended_at__lte": now + timedelta(seconds=APART)}
    last = _alike(mail).filter(pk__lt=mail.pk, fate=MailFate.DELIVERED, **lately).order_by("ended_at").last()
    if last is None or last.ended_at is None:
        return False
    _put_off(mail, due_at=last.ended_at + time)
    return True


def _replace_earlier(mail: OwedMail) -> None:
    """Those that wait and say the same are over: this one was delivered."""
    earlier = _alike(mail).filter(pk__lt=mail.pk, ended_at=None)
    if mail.about and earlier.exists():
        earlier.update(**_over(MailFate.REPLACED))


def _alike(mail: OwedMail) -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(cause=mail.cause, about=mail.about)


def _mine(mail: OwedMail) -> QuerySet[OwedMail]:
    return OwedMail.objects.filter(pk=mail.pk, claim=mail.claim, ended_at=None)


def _end(mail: OwedMail, fate: MailFate) -> None:
    """It is over, and nothing is left of what it says. Of one that was sent this is true whoever has claimed it since."""
    mails = OwedMail.objects.filter(pk=mail.pk) if fate == MailFate.DELIVERED else _mine(mail)
    mails.update(**_over(fate))


def _over(fate: MailFate) -> dict[str, Any]:
    return {"fate": fate, "ended_at": timezone.now(), "sealed": None, "claim": None, "claimed_until": None}


def _put_off(mail: OwedMail, **more: Any) -> None:
    _mine(mail).update(claim=None, claimed_until=None, **more)


def _try_again(mail: OwedMail, trouble: Exception) -> None:
    """Later, unless it was refused for good, or for three days."""
    now = timezone.now()
    pause = min(SHORTEST_PAUSE * 2 ** min(mail.attempts - 1, 20), LONGEST_PAUSE)
    after = now + timedelta(seconds=pause * (100 - UNEVEN + randbelow(2 * UNEVEN + 1)) / 100)
    said = {"fields": {**_named(mail), "why": _in_short(trouble), "attempts": mail.attempts}}
    if is_for_good(trouble) or after > mail.created_at + GIVEN_UP:
        log.error("A mail was not delivered, and is given up.", extra=said)
        _end(mail, MailFate.FAILED)
        return
    log.warning("A mail was not delivered, and is tried again.", extra=said, exc_info=trouble)
    _put_off(mail, due_at=after, mailbox_refuses=is_of_the_mailbox(trouble))


def _in_short(trouble: Exception) -> str:
    return f"{type(trouble).__name__}: {trouble}"[:300]


def _named(mail: OwedMail) -> dict[str, object]:
    return {"message_id": mail.message_id}


def _until_it_is_kept(keep: Callable[[], None], stop: Event) -> None:
    """That a mail was sent is known here alone until the database has it: nobody gives up while it is away."""
    while True:
        try:
            keep()
        except (DatabaseError, InterfaceError) as trouble:
            if not is_away(trouble):
                raise
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
        self._said = self._right = float("-inf")

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
                self._put_right()
                if len(self._at_work) < MAIL_THREADS and self._turns.some_wait():
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

    def _put_right(self) -> None:
        if monotonic() - self._right >= PUT_RIGHT_SECONDS:
            self._right = monotonic()
            put_right()

    def _say_what_waits(self) -> None:
        if monotonic() - self._said < SAID_SECONDS:
            return
        self._said = monotonic()
        if longest_wait() > TOO_LONG:
            waiting = waiting_mail()
            fields = {"number": waiting.number, "minutes": waiting.minutes}
            log.error("Mail waits for too long.", extra={"fields": fields})
