"""A line to a mail server on which a delivery has its time, and takes no longer.

Python's client waits for each part of an answer as long as for a connection, some seconds. That is too short for a server
that looks into each mail before it answers: it has the mail by then, and gets it again. And it is too long: a server that
sends one letter every nine seconds would keep the client for hours.
"""

from __future__ import annotations

import smtplib
import socket
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from threading import Event, Timer
from time import monotonic
from typing import TYPE_CHECKING

from django.core.mail.backends import smtp

if TYPE_CHECKING:
    from collections.abc import Iterator

DELIVERY_SECONDS = 120  # for a mail, from the first word to the last answer
PARTING_SECONDS = 10  # for an answer that nothing depends on
CUT_SECONDS = 5  # in which a line that took too long is cut

_until: ContextVar[float | None] = ContextVar("mail_until", default=None)


@contextmanager
def one_delivery() -> Iterator[None]:
    """What is said to a mail server within has to come to its end in time."""
    token = _until.set(monotonic() + DELIVERY_SECONDS)
    try:
        yield
    finally:
        _until.reset(token)


class _InTime:
    """One of Python's clients, which waits for each answer until the end of the delivery, and no longer."""

    sock: socket.socket | None

    if TYPE_CHECKING:

        def close(self) -> None: ...

    def getreply(self) -> tuple[int, bytes]:
        until, late = _until.get(), Event()
        left = max(PARTING_SECONDS if until is None else until - monotonic(), 0)
        cut = Timer(left, self._cut, (late,))
        cut.daemon = True
        cut.start()
        try:
            with self._patient(left):
                answer: tuple[int, bytes] = super().getreply()  # type: ignore[misc]  # of the client beside it
        finally:
            cut.cancel()
        if late.is_set():  # half a line is no answer, whatever it begins with
            self.close()
            raise smtplib.SMTPServerDisconnected("The mail server did not come to the end of its answer in time.")
        return answer

    @contextmanager
    def _patient(self, left: float) -> Iterator[None]:
        """Within, what is read may take that long, and a little more: it is cut before."""
        sock = self.sock
        assert sock  # something was said there before
        before = sock.gettimeout()
        sock.settimeout(left + CUT_SECONDS)
        try:
            yield
        finally:
            with suppress(OSError):  # it may be closed by now
                sock.settimeout(before)

    def _cut(self, late: Event) -> None:
        late.set()
        with suppress(OSError):  # it may be closed already
            if self.sock:
                self.sock.shutdown(socket.SHUT_RDWR)


class PlainLine(_InTime, smtplib.SMTP):
    pass


class SealedLine(_InTime, smtplib.SMTP_SSL):
    pass


class EmailBackend(smtp.EmailBackend):
    """Django's, over such a line."""

    @property
    def connection_class(self) -> type[smtplib.SMTP]:
        return SealedLine if self.use_ssl else PlainLine
